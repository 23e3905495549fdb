import ipaddr from "ipaddr.js";

/** Prefix length of one node's range. */
const NODE_PREFIX = { ipv4: 24, ipv6: 64 } as const;

interface Span {
  bytes: number;
  first: bigint;
  last: bigint;
}

function spanOf(cidr: string): Span & { prefix: number; kind: "ipv4" | "ipv6" } {
  const [address, prefix] = ipaddr.parseCIDR(cidr);
  const bytes = address.toByteArray();
  const hostBits = BigInt(bytes.length * 8 - prefix);
  const first = (bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n) >> hostBits) << hostBits;
  return { bytes: bytes.length, first, last: first + (1n << hostBits) - 1n, prefix, kind: address.kind() };
}

function toText(value: bigint, length: number): string {
  const bytes: number[] = [];
  for (let rest = value; bytes.length < length; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  return ipaddr.fromByteArray(bytes).toString();
}

/**
 * The first range of node size within `cluster` that overlaps with none that is taken. Undefined when there is none.
 * @param cluster CIDR: "10.244.0.0/16"
 * @param taken CIDRs of nodes, of any family and size: an administrator may have given some by hand
 */
export function nextNodeRange(cluster: string, taken: ReadonlySet<string>): string | undefined {
  const whole = spanOf(cluster);
  const prefix = Math.max(whole.prefix, NODE_PREFIX[whole.kind]);
  const size = 1n << BigInt(whole.bytes * 8 - prefix);
  const spans = [...taken]
    .map(spanOf)
    .filter(({ bytes }) => bytes === whole.bytes)
    .sort((a, b) => (a.first < b.first ? -1 : 1));
  let free = whole.first;
  for (const { first, last } of spans) {
    if (first >= free + size) break;
    // The next one that begins after it.
    if (last >= free) free += ((last - free) / size + 1n) * size;
  }
  return free <= whole.last ? `${toText(free, whole.bytes)}/${prefix}` : undefined;
}
