/** Addresses that Endpoints and EndpointSlices may send traffic to. */

import ipaddr from "ipaddr.js";
import { type FieldError, invalid } from "#api/field-error.js";
import { invalidEach } from "#api/validation/names.js";
import { ipAddress } from "#api/validation/network.js";

const forbiddenRanges: Readonly<Record<string, string>> = {
  loopback: "may not be in the loopback range (127.0.0.0/8, ::1/128)",
  linkLocal: "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
};

/** An address of the node itself or of a link would lead back into whichever node follows it. */
export function validateEndpointIP(field: string, ip: string | undefined): FieldError[] {
  const problems = ipAddress(ip ?? "");
  if (problems.length > 0) return invalidEach(field, ip ?? "", problems);
  const address = ipaddr.parse(ip as string);
  if (address.range() === "unspecified") return [invalid(field, ip, `may not be unspecified (${ip})`)];
  if (/^(224\.0\.0\.|ff02:)/i.test(address.toString()))
    return [invalid(field, ip, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")];
  const text = forbiddenRanges[address.range()];
  return text ? [invalid(field, ip, text)] : [];
}
