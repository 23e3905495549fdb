import { randomBytes } from "node:crypto";
import { parseAddress, withoutPrefix } from "#cni/lib/addresses.js";

const format = (bytes: readonly number[]) => bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":");

/** A locally administered, unicast hardware address. */
export function randomMac(): string {
  return format([0x0a, ...randomBytes(5)]);
}

/**
 * The hardware address of the container that has this IPv4 address: an address given to the next container keeps its
 * neighbour entries true. IPv6 only: random.
 */
export function macFor(addresses: readonly string[]): string {
  const ipv4 = addresses.find((address) => !address.includes(":"));
  if (!ipv4) return randomMac();
  const { value } = parseAddress(withoutPrefix(ipv4));
  return format([0x0a, 0x58, ...[24n, 16n, 8n, 0n].map((shift) => Number((value >> shift) & 0xffn))]);
}
