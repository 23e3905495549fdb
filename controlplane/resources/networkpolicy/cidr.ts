/** Ranges as ipBlock writes them: bits behind the prefix are allowed and mean nothing. */
import ipaddr from "ipaddr.js";

export interface Range {
  readonly address: ipaddr.IPv4 | ipaddr.IPv6;
  readonly network: ipaddr.IPv4 | ipaddr.IPv6;
  readonly bits: number;
}

/** Undefined when the text is no range. */
export function parseRange(text: string): Range | undefined {
  if (!ipaddr.isValidCIDR(text)) return undefined;
  const [address, bits] = ipaddr.parseCIDR(text);
  const network = (address.kind() === "ipv4" ? ipaddr.IPv4 : ipaddr.IPv6).networkAddressFromCIDR(text);
  return { address, network, bits };
}

export const formatRange = ({ network, bits }: Range) => `${network}/${bits}`;

export function isStrictlyWithin(inner: Range, outer: Range): boolean {
  if (inner.network.kind() !== outer.network.kind() || inner.bits <= outer.bits) return false;
  return (inner.network as ipaddr.IPv6).match(outer.network as ipaddr.IPv6, outer.bits);
}
