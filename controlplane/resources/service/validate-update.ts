/** What of a service may not change. Peers have its addresses in their configuration and caches. */
import { type FieldError, forbidden, invalid } from "#api/field-error.js";
import type { Service } from "#api/generated/types.js";
import { isHeadless, needsHealthCheckPort } from "./needs.js";

const SET = "may not change once set";

export function validateServiceUpdate(service: Service, old: Service): FieldError[] {
  const errors: FieldError[] = [];
  const { spec } = service;
  const balanced = spec.type === "LoadBalancer" && old.spec.type === "LoadBalancer";
  if (balanced && spec.loadBalancerClass !== old.spec.loadBalancerClass)
    errors.push(invalid("spec.loadBalancerClass", spec.loadBalancerClass, SET));
  const checked = needsHealthCheckPort(service) && needsHealthCheckPort(old);
  if (checked && spec.healthCheckNodePort !== old.spec.healthCheckNodePort)
    errors.push(forbidden("spec.healthCheckNodePort", "field is immutable"));
  if (spec.type === "ExternalName" || old.spec.type === "ExternalName") return errors;
  if (!(isHeadless(service) && isHeadless(old))) errors.push(...validateAddresses(service, old));
  if (!isHeadless(service) && !isHeadless(old)) errors.push(...validateFamilies(service, old));
  return errors;
}

function validateAddresses({ spec }: Service, old: Service): FieldError[] {
  const errors: FieldError[] = [];
  const ips = spec.clusterIPs ?? [];
  const before = old.spec.clusterIPs ?? [];
  if (ips.length === 0 && before.length > 0)
    errors.push(invalid("spec.clusterIPs[0]", ips, "primary clusterIP can not be unset"));
  before.forEach((ip, i) => {
    if (i < ips.length && ips[i] !== ip) errors.push(invalid(`spec.clusterIPs[${i}]`, ips, SET));
  });
  if (before.length > ips.length && ips.length === 1 && spec.ipFamilyPolicy !== "SingleStack")
    errors.push(mustBeSingle(spec.ipFamilyPolicy, "clusterIP"));
  return errors;
}

function validateFamilies({ spec }: Service, old: Service): FieldError[] {
  const errors: FieldError[] = [];
  const families = spec.ipFamilies ?? [];
  const before = old.spec.ipFamilies ?? [];
  before.forEach((family, i) => {
    if (i < families.length && families[i] !== family) errors.push(invalid("spec.ipFamilies[0]", families, SET));
  });
  if (before.length > families.length && families.length === 1 && spec.ipFamilyPolicy !== "SingleStack")
    errors.push(mustBeSingle(spec.ipFamilyPolicy, "ipFamily"));
  return errors;
}

function mustBeSingle(policy: string | undefined, what: string): FieldError {
  return invalid("spec.ipFamilyPolicy", policy, `must be set to 'SingleStack' when releasing the secondary ${what}`);
}
