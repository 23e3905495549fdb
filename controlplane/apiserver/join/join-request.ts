/** What a joining host may ask for. */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import type { JoinRequest } from "#api/join.js";
import { badRequest } from "#api/status-error.js";

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** A serving certificate for one of these would let a node pose as the API server. */
const RESERVED = /^(localhost|kubernetes(\.default(\.svc(\..*)?)?)?)$/;
const UNUSABLE_RANGES = new Set(["unspecified", "loopback", "multicast", "broadcast"]);

/**
 * @param serviceCIDRs service addresses are no node's
 * @throws StatusError 400
 */
export function parseJoinRequest(body: Buffer | undefined, serviceCIDRs: readonly string[]): JoinRequest {
  const value = parse(body);
  const { nodeName, machineId, addresses } = value;
  if (typeof nodeName !== "string" || nodeName.length > 253 || !NAME.test(nodeName) || RESERVED.test(nodeName)) {
    throw badRequest(`nodeName ${JSON.stringify(nodeName)} is not a name a node can have`);
  }
  if (typeof machineId !== "string" || !machineId) throw badRequest("machineId is missing");
  for (const field of ["clientCSR", "servingCSR"] as const) {
    if (typeof value[field] !== "string") throw badRequest(`${field} is missing`);
  }
  if (!Array.isArray(addresses) || addresses.length === 0) throw badRequest("addresses is missing or empty");
  for (const address of addresses) checkAddress(address, serviceCIDRs);
  return value as unknown as JoinRequest;
}

function parse(body: Buffer | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body?.toString("utf8") ?? "");
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below, as for any other body that is not an object.
  }
  throw badRequest("the body of a join request is a JSON object");
}

function checkAddress(text: unknown, serviceCIDRs: readonly string[]): void {
  const refuse = (why: string) => badRequest(`address ${JSON.stringify(text)} cannot be a node's: ${why}`);
  if (typeof text !== "string" || !isIP(text)) throw refuse("not an IP address");
  const address = ipaddr.parse(text);
  if (UNUSABLE_RANGES.has(address.range())) throw refuse(`it is a ${address.range()} address`);
  for (const cidr of serviceCIDRs) {
    const [network, bits] = ipaddr.parseCIDR(cidr);
    if (network.kind() === address.kind() && address.match(network, bits)) throw refuse("it is a service address");
  }
}
