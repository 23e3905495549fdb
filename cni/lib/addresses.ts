/** IPv4 and IPv6 addresses and prefixes as numbers, so that ranges can be walked and compared. */
import ipaddr from "ipaddr.js";

export type Family = 4 | 6;

export interface Address {
  family: Family;
  value: bigint;
}

export interface Prefix extends Address {
  /** Bits of the network part. `value` keeps its host bits: see {@link networkOf}. */
  length: number;
}

export const bitsOf = (family: Family) => (family === 4 ? 32 : 128);

/** @throws Error `invalid IP address "x"` */
export function parseAddress(text: string): Address {
  if (!ipaddr.isValid(text) || (!text.includes(":") && text.split(".").length !== 4))
    throw new Error(`invalid IP address "${text}"`);
  const parsed = ipaddr.parse(text);
  const value = parsed.toByteArray().reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return { family: parsed.kind() === "ipv4" ? 4 : 6, value };
}

/** @throws Error `invalid CIDR address "x"` */
export function parsePrefix(text: string): Prefix {
  const slash = text.indexOf("/");
  const length = Number(text.slice(slash + 1));
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash));
  if (!address || !/^\d+$/.test(text.slice(slash + 1)) || length > bitsOf(address.family))
    throw new Error(`invalid CIDR address "${text}"`);
  return { ...address, length };
}

export function formatAddress({ family, value }: Address): string {
  const size = family === 4 ? 4 : 16;
  const bytes = Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * (size - 1 - i))) & 0xffn));
  return ipaddr.fromByteArray(bytes).toString();
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix)}/${prefix.length}`;
}

const hostBits = (prefix: Prefix) => BigInt(bitsOf(prefix.family) - prefix.length);

export function networkOf(prefix: Prefix): Prefix {
  return { ...prefix, value: (prefix.value >> hostBits(prefix)) << hostBits(prefix) };
}

/** The last address of the prefix: the broadcast address, where there is one. */
export function lastOf(prefix: Prefix): Address {
  return { family: prefix.family, value: networkOf(prefix).value | ((1n << hostBits(prefix)) - 1n) };
}

export function contains(prefix: Prefix, address: Address): boolean {
  if (prefix.family !== address.family) return false;
  return prefix.value >> hostBits(prefix) === address.value >> hostBits(prefix);
}

export function overlaps(a: Prefix, b: Prefix): boolean {
  return a.length <= b.length ? contains(a, b) : contains(b, a);
}

/** "10.0.0.5" of "10.0.0.5/24". */
export const withoutPrefix = (text: string) => text.replace(/\/.*/, "");
