/** Ports, addresses and ranges. Like names.ts: each function returns what is wrong, in the API server's words. */
import { isIP, isIPv4, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";

export const rangeMessage = (low: number, high: number) => `must be between ${low} and ${high}, inclusive`;

export function portNumber(value: number): string[] {
  return Number.isInteger(value) && value >= 1 && value <= 65535 ? [] : [rangeMessage(1, 65535)];
}

/** An IANA service name: `http`, `dns-tcp`. */
export function portName(value: string): string[] {
  const problems: string[] = [];
  if (value.length > 15) problems.push("must be no more than 15 characters");
  if (!/^[-a-z0-9]+$/.test(value))
    problems.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!/[a-z]/.test(value)) problems.push("must contain at least one letter (a-z)");
  if (value.includes("--")) problems.push("must not contain consecutive hyphens");
  if (value.startsWith("-") || value.endsWith("-")) problems.push("must not begin or end with a hyphen");
  return problems;
}

export function ipAddress(value: string): string[] {
  return isIP(value) !== 0 && !value.includes("%")
    ? []
    : ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"];
}

/** Spelled in the one way that makes it a name. */
export function canonicalIP(value: string): string[] {
  const problems = ipAddress(value);
  if (problems.length > 0) return problems;
  const canonical = ipaddr.parse(value).toString();
  return canonical === value ? [] : [`must be in canonical form ("${canonical}")`];
}

export function ipv4Address(value: string): string[] {
  return isIPv4(value) ? [] : ["must be a valid IPv4 address"];
}

export function ipv6Address(value: string): string[] {
  return isIPv6(value) && !value.includes("%") ? [] : ["must be a valid IPv6 address"];
}

export function cidr(value: string): string[] {
  const [address, bits, rest] = value.split("/");
  const family = isIP(address ?? "");
  const fits = /^\d{1,3}$/.test(bits ?? "") && Number(bits) <= (family === 4 ? 32 : 128);
  return family !== 0 && fits && rest === undefined
    ? []
    : ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"];
}

/** A user or group id. */
export function userId(value: number): string[] {
  const max = 2 ** 31 - 1;
  return Number.isInteger(value) && value >= 0 && value <= max ? [] : [rangeMessage(0, max)];
}

export function percent(value: string): string[] {
  if (/^[0-9]+%$/.test(value)) return [];
  const message = "a valid percent string must be a numeric string followed by an ending '%'";
  return [`${message} (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')`];
}
