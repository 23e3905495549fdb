/** The status of a service: where a load balancer, ours or another, is reached. */
import { isIP } from "node:net";
import { type FieldError, forbidden, invalid, notSupported } from "#api/field-error.js";
import type { Service } from "#api/generated/types.js";
import { dns1123Subdomain, invalidEach } from "#api/validation/names.js";
import { ipAddress } from "#api/validation/network.js";
import type { StatusSubresource } from "../kind.js";

const MODES = ["Proxy", "VIP"];

export const serviceStatus: StatusSubresource<Service> = {
  withMetadata: true,
  prepare(service) {
    service.status ??= {};
    service.status.loadBalancer ??= {};
    defaultIngress(service);
  },
  validate: ({ spec, status }) => validateIngress(spec.type, status?.loadBalancer?.ingress ?? []),
};

/** An address is that of the packets, unless its balancer says that it ends connections. */
function defaultIngress({ status }: Service): void {
  for (const ingress of status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= "VIP";
}

type Ingress = NonNullable<NonNullable<NonNullable<Service["status"]>["loadBalancer"]>["ingress"]>;

function validateIngress(type: string | undefined, ingress: Ingress): FieldError[] {
  const path = "status.loadBalancer.ingress";
  if (type !== "LoadBalancer")
    return ingress.length > 0 ? [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")] : [];
  return ingress.flatMap(({ ip, hostname, ipMode }, i) => {
    const at = `${path}[${i}]`;
    const errors: FieldError[] = [];
    if (ip) errors.push(...invalidEach(`${at}.ip`, ip, ipAddress(ip)));
    if (ipMode !== undefined && !ip)
      errors.push(forbidden(`${at}.ipMode`, "may not be specified when `ip` is not set"));
    else if (ipMode !== undefined && !MODES.includes(ipMode)) errors.push(notSupported(`${at}.ipMode`, ipMode, MODES));
    if (!hostname) return errors;
    errors.push(...invalidEach(`${at}.hostname`, hostname, dns1123Subdomain(hostname)));
    if (isIP(hostname) !== 0) errors.push(invalid(`${at}.hostname`, hostname, "must be a DNS name, not an IP address"));
    return errors;
  });
}
