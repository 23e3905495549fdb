/** Arithmetic of address ranges, IPv4 and IPv6 alike. */
import ipaddr from "ipaddr.js";

export interface AddressRange {
  readonly cidr: string;
  readonly family: "IPv4" | "IPv6";
  /** The first address that may be handed out, as a number. */
  readonly first: bigint;
  /** How many may be handed out. */
  readonly size: bigint;
}

const ranges = new Map<string, AddressRange>();

function toNumber(address: ipaddr.IPv4 | ipaddr.IPv6): bigint {
  return address.toByteArray().reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function toText(value: bigint, family: AddressRange["family"]): string {
  const bytes: number[] = [];
  for (let i = (family === "IPv4" ? 4 : 16) - 1; i >= 0; i--) bytes.push(Number((value >> BigInt(i * 8)) & 0xffn));
  return ipaddr.fromByteArray(bytes).toString();
}

/** The range without its network address and, for IPv4, its broadcast address. @throws Error when `cidr` is none */
export function addressRange(cidr: string): AddressRange {
  const known = ranges.get(cidr);
  if (known) return known;
  const [address, bits] = ipaddr.parseCIDR(cidr);
  const family = address.kind() === "ipv4" ? "IPv4" : "IPv6";
  const span = 1n << BigInt((family === "IPv4" ? 32 : 128) - bits);
  const base = (toNumber(address) / span) * span;
  const range: AddressRange = { cidr, family, first: base + 1n, size: span - (family === "IPv4" ? 2n : 1n) };
  ranges.set(cidr, range);
  return range;
}

export function rangeHas(range: AddressRange, address: string): boolean {
  const parsed = ipaddr.parse(address);
  if ((parsed.kind() === "ipv4") !== (range.family === "IPv4")) return false;
  const offset = toNumber(parsed) - range.first;
  return offset >= 0n && offset < range.size;
}

/** The address at an offset from the first, in canonical form. */
export const addressAt = (range: AddressRange, offset: bigint) => toText(range.first + offset, range.family);

/** One spelling for each address, so that sets can compare them. */
export const canonicalAddress = (address: string) => ipaddr.parse(address).toString();
