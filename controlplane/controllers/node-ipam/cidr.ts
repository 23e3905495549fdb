import ipaddr from "ipaddr.js";

/** Prefix length of one node's range. */
const NODE_PREFIX = { ipv4: 24, ipv6: 64 } as const;

function toNumber(bytes: readonly number[]): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function toText(value: bigint, length: number): string {
  const bytes: number[] = [];
  for (let rest = value; bytes.length < length; rest >>= 8n) bytes.unshift(Number(rest & 0xffn));
  return ipaddr.fromByteArray(bytes).toString();
}

/**
 * The first range of node size within `cluster` that is not in `taken`. Undefined when all are.
 * @param cluster CIDR: "10.244.0.0/16"
 * @param taken CIDRs of nodes, of any family
 */
export function nextNodeRange(cluster: string, taken: ReadonlySet<string>): string | undefined {
  const [network, clusterPrefix] = ipaddr.parseCIDR(cluster);
  const prefix = Math.max(clusterPrefix, NODE_PREFIX[network.kind()]);
  const bytes = network.toByteArray();
  const hostBits = BigInt(bytes.length * 8 - prefix);
  const base =
    (toNumber(bytes) >> BigInt(bytes.length * 8 - clusterPrefix)) << BigInt(bytes.length * 8 - clusterPrefix);
  const count = 1n << BigInt(prefix - clusterPrefix);
  for (let i = 0n; i < count; i++) {
    const range = `${toText(base + (i << hostBits), bytes.length)}/${prefix}`;
    if (!taken.has(range)) return range;
  }
  return undefined;
}
