/** Names that stand for addresses, and what fits into a DNS message. */
import { contains, formatAddress, type Prefix, parseAddress } from "#cni/lib/addresses.js";

/** "10-244-1-5", "fd00--1": an address as a label. */
export const dashed = (ip: string) => ip.replace(/[.:]/g, "-");

/** The address a label of that form stands for, in its usual spelling. */
export function fromDashed(label: string): string | undefined {
  const ip = /^\d+-\d+-\d+-\d+$/.test(label) ? label.replaceAll("-", ".") : label.replaceAll("-", ":");
  return canonical(ip);
}

/** "5.1.244.10.in-addr.arpa" */
export function reverseName(ip: string): string {
  const address = parseAddress(ip);
  if (address.family === 4) return `${ip.split(".").reverse().join(".")}.in-addr.arpa`;
  const nibbles = address.value.toString(16).padStart(32, "0");
  return `${[...nibbles].reverse().join(".")}.ip6.arpa`;
}

/** The address that the name is the reverse of; undefined for any other name, also for that of a range. */
export function fromReverse(name: string): string | undefined {
  const v4 = name.match(/^(\d{1,3}(?:\.\d{1,3}){3})\.in-addr\.arpa$/)?.[1];
  if (v4) return canonical(v4.split(".").reverse().join("."));
  const v6 = name.match(/^([0-9a-f](?:\.[0-9a-f]){31})\.ip6\.arpa$/)?.[1];
  const digits = v6?.split(".").reverse().join("");
  return digits && canonical((digits.match(/.{4}/g) ?? []).join(":"));
}

export const isWithin = (ip: string, ranges: readonly Prefix[]) =>
  ranges.some((range) => contains(range, parseAddress(ip)));

function canonical(ip: string): string | undefined {
  try {
    return formatAddress(parseAddress(ip));
  } catch {
    return undefined;
  }
}

/** A DNS name can be no longer, and no label of it. The API allows more where it only asks for a "subdomain". */
export function isEncodable(name: string): boolean {
  return name.length <= 253 && name.split(".").every((label) => label.length > 0 && Buffer.byteLength(label) <= 63);
}
