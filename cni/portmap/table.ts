/**
 * The nft table of host ports: four flat maps from what is asked for to who answers, changed element by element. Each element
 * carries its attachment as comment, so that removing needs no memory but the table.
 */
import { CommandError } from "#cni/lib/command.js";
import { CniCode, CniError } from "#cni/lib/error.js";
import { nft, nftTable } from "#cni/lib/nft.js";

export const TABLE = "berth-hostports";

/** One element of one of the maps or sets; `key` and `value` in nft's syntax. */
export interface Element {
  set: string;
  key: string;
  value?: string;
}

const LAYOUT = `
create table inet ${TABLE}
table inet ${TABLE} {
  map on { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  map any { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map on6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
  map any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
  set hairpin { type ipv4_addr . ipv4_addr; flags interval; }
  set hairpin6 { type ipv6_addr . ipv6_addr; flags interval; }
  chain hostports {
    dnat ip to ip daddr . meta l4proto . th dport map @on
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @on6
    fib daddr type local dnat ip to meta l4proto . th dport map @any
    fib daddr type local dnat ip6 to meta l4proto . th dport map @any6
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    meta l4proto { tcp, udp, sctp } jump hostports
  }
  chain output {
    type nat hook output priority -100; policy accept;
    meta l4proto { tcp, udp, sctp } jump hostports
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ct status dnat ip saddr . ip daddr @hairpin masquerade
    ct status dnat ip6 saddr . ip6 daddr @hairpin6 masquerade
    ct status dnat ip saddr 127.0.0.0/8 masquerade
  }
  chain martians {
    type filter hook prerouting priority raw; policy accept;
    iifname != "lo" ip daddr 127.0.0.0/8 drop
  }
}
`;

/** Adds the elements, all or none, and first the table when it is not there. @throws CniError when a port is taken */
export async function addElements(elements: readonly Element[], comment: string): Promise<void> {
  const script = elements
    .map(({ set, key, value }) => {
      const data = value === undefined ? "" : ` : ${value}`;
      return `create element inet ${TABLE} ${set} { ${key} comment ${JSON.stringify(comment)}${data} }\n`;
    })
    .join("");
  try {
    await nft(script);
  } catch (error) {
    if (!mentions(error, "No such file or directory")) throw portTaken(error, elements);
    await nft(`${LAYOUT}${script}`).catch(async (second: unknown) => {
      // Somebody else has made the table meanwhile, or a port of ours is taken in it.
      if (!mentions(second, "File exists")) throw second;
      await nft(script).catch((third: unknown) => Promise.reject(portTaken(third, elements)));
    });
  }
}

const mentions = (error: unknown, text: string) => error instanceof CommandError && error.result.stderr.includes(text);

function portTaken(error: unknown, elements: readonly Element[]): unknown {
  if (!mentions(error, "File exists")) return error;
  // "10.0.0.1 . tcp . 80" is "10.0.0.1:80/tcp" to people.
  const ports = elements
    .filter(({ value }) => value)
    .map(({ key }) => {
      const [port, protocol, ip] = key.split(" . ").reverse();
      return `${ip ? `${ip}:` : ""}${port}/${protocol}`;
    });
  return new CniError(CniCode.failed, `host port already in use by another container: one of ${ports.join(", ")}`);
}

/** What the table holds, by comment. */
export async function listElements(): Promise<(Element & { comment: string })[]> {
  const objects = (await nftTable("inet", TABLE)) ?? [];
  return objects.flatMap(({ set, map }) => {
    const holder = set ?? map;
    return (holder?.elem ?? []).flatMap((raw) => {
      const element = readElement(raw);
      return element && holder ? [{ set: holder.name, ...element }] : [];
    });
  });
}

/** Elements are printed as `{ elem: { val, comment } }`, in maps as a pair of that and the value. */
function readElement(raw: unknown): { key: string; comment: string } | undefined {
  const key = Array.isArray(raw) ? (raw[0] as unknown) : raw;
  const elem = (key as { elem?: { val: unknown; comment?: string } }).elem;
  if (!elem?.comment) return undefined;
  return { key: print(elem.val), comment: elem.comment };
}

type Printed = { concat?: unknown[]; prefix?: { addr: string; len: number } };

function print(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  const { concat, prefix } = value as Printed;
  if (concat) return concat.map(print).join(" . ");
  return prefix ? `${prefix.addr}/${prefix.len}` : JSON.stringify(value);
}

export async function removeElements(gone: (comment: string) => boolean): Promise<void> {
  const elements = (await listElements()).filter(({ comment }) => gone(comment));
  if (elements.length === 0) return;
  await nft(elements.map(({ set, key }) => `delete element inet ${TABLE} ${set} { ${key} }`));
}
