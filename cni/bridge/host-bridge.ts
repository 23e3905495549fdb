/** The bridge itself, on the host: made by the first attachment, shared by all, removed by none. */
import { writeFileSync } from "node:fs";
import { formatPrefix, networkOf, overlaps, parsePrefix } from "#cni/lib/addresses.js";
import { CniCode, CniError } from "#cni/lib/error.js";
import { linkAddresses, linkNames } from "#cni/lib/host-links.js";
import { IpBatchError, ipBatch, ipJson, type LinkJson } from "#cni/lib/ip-command.js";
import { randomMac } from "./mac.js";

export interface HostBridge {
  name: string;
  mtu?: number;
  promisc?: boolean;
  /** Addresses with prefix length that the bridge answers for, as gateway. */
  addresses: readonly string[];
  /** Takes other addresses of the same networks away. */
  forceAddress?: boolean;
}

/** Makes the bridge, brings it up and gives it its addresses. Starts no program when all is as it should be. */
export async function ensureBridge(bridge: HostBridge): Promise<{ mac?: string }> {
  const seen = linkAddresses(bridge.name);
  if (seen.mac && bridge.addresses.every((address) => seen.addresses.includes(address))) return { mac: seen.mac };
  if (!linkNames().has(bridge.name)) await create(bridge);
  const [link] = await ipJson<LinkJson>(["addr", "show", "dev", bridge.name]);
  if (link?.linkinfo?.info_kind !== "bridge")
    throw new CniError(CniCode.failed, `"${bridge.name}" already exists but is not a bridge`);
  const lines = [`link set ${bridge.name} up`];
  if (bridge.promisc) lines.push(`link set ${bridge.name} promisc on`);
  const present = (link.addr_info ?? []).map((a) => `${a.local}/${a.prefixlen}`);
  const missing = bridge.addresses.filter((address) => !present.includes(address));
  for (const address of missing) lines.push(...addressLines(bridge, address, present));
  try {
    await ipBatch(lines);
  } catch (error) {
    // Another attachment has just given the bridge the same address: the goal is reached.
    if (!(error instanceof IpBatchError && error.exists)) throw error;
  }
  return { mac: link.address };
}

async function create({ name, mtu }: HostBridge): Promise<void> {
  try {
    // An address of our own choice: otherwise the bridge takes that of whichever port has the lowest, and changes it.
    await ipBatch([`link add ${name} address ${randomMac()} ${mtu ? `mtu ${mtu} ` : ""}type bridge`]);
  } catch (error) {
    if (!(error instanceof IpBatchError && error.exists)) throw error;
  }
}

function addressLines(bridge: HostBridge, address: string, present: readonly string[]): string[] {
  const wanted = parsePrefix(address);
  const others = present.filter((other) => overlaps(parsePrefix(other), wanted));
  if (others.length > 0 && !bridge.forceAddress)
    throw new CniError(
      CniCode.failed,
      `failed to set bridge addr: "${bridge.name}" already has an IP address different from ${address}`,
      `it has ${others.join(", ")} in ${formatPrefix(networkOf(wanted))}`,
    );
  const remove = others.map((other) => `addr del ${other} dev ${bridge.name}`);
  return [...remove, `addr add ${address} dev ${bridge.name}${wanted.family === 6 ? " nodad" : ""}`];
}

/**
 * The bridge routes. It must not send ICMP redirects either: a container that is told to go to another one directly would
 * do so for an address that is only translated here.
 */
export function allowForwarding(bridge: string, families: ReadonlySet<4 | 6>): void {
  if (families.has(4)) {
    writeFileSync("/proc/sys/net/ipv4/ip_forward", "1");
    writeFileSync("/proc/sys/net/ipv4/conf/all/send_redirects", "0");
    writeFileSync(`/proc/sys/net/ipv4/conf/${bridge}/send_redirects`, "0");
  }
  if (families.has(6)) writeFileSync("/proc/sys/net/ipv6/conf/all/forwarding", "1");
}
