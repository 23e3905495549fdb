/** What makes a service valid. https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/ */
import { isIP } from "node:net";
import { type FieldError, forbidden, invalid, notSupported, required } from "#api/field-error.js";
import type { Service } from "#api/generated/types.js";
import { validateLabels } from "#api/validation/labels.js";
import { dns1123Subdomain, invalidEach, qualifiedName } from "#api/validation/names.js";
import { cidr, ipAddress, rangeMessage } from "#api/validation/network.js";
import { validateEndpointIP } from "../endpoints/address.js";
import { oneOf } from "../field-rules.js";
import { familyOf } from "./ip-families.js";
import { isExternal, isHeadless, NONE, needsHealthCheckPort } from "./needs.js";
import { validatePorts } from "./validate-ports.js";

const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const DAY_SECONDS = 86_400;
const LB_ONLY = "may only be used when `type` is 'LoadBalancer'";
const NOT_FOR_EXTERNAL_NAME = "may not be set for ExternalName services";

function validateExternalName({ spec }: Service): FieldError[] {
  if (spec.type !== "ExternalName") return [];
  const errors: FieldError[] = [];
  if (spec.clusterIPs?.length) errors.push(forbidden("spec.clusterIPs", NOT_FOR_EXTERNAL_NAME));
  if (spec.ipFamilies?.length) errors.push(forbidden("spec.ipFamilies", NOT_FOR_EXTERNAL_NAME));
  if (spec.ipFamilyPolicy) errors.push(forbidden("spec.ipFamilyPolicy", NOT_FOR_EXTERNAL_NAME));
  const name = (spec.externalName ?? "").replace(/\.$/, "");
  if (!name) return [...errors, required("spec.externalName")];
  return [...errors, ...invalidEach("spec.externalName", name, dns1123Subdomain(name))];
}

function validateAffinity({ spec }: Service): FieldError[] {
  const errors = oneOf("spec.sessionAffinity", spec.sessionAffinity, ["ClientIP", "None"]);
  const field = "spec.sessionAffinityConfig";
  if (spec.sessionAffinity === "None" && spec.sessionAffinityConfig)
    errors.push(forbidden(field, "must not be set when session affinity is None"));
  if (spec.sessionAffinity !== "ClientIP") return errors;
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 0;
  if (seconds > 0 && seconds <= DAY_SECONDS) return errors;
  const text = `must be greater than 0 and less than ${DAY_SECONDS}`;
  return [...errors, invalid(`${field}.clientIP.timeoutSeconds`, seconds, text)];
}

function validateClusterIPs(service: Service): FieldError[] {
  const { spec } = service;
  const field = "spec.clusterIPs";
  const list = spec.clusterIPs ?? [];
  if (spec.type === "ExternalName") return [];
  const errors: FieldError[] = [];
  if (list.length === 0 && spec.clusterIP) errors.push(required(field));
  if (list.length > 0 && (spec.clusterIP ?? "") !== list[0])
    errors.push(
      spec.clusterIP
        ? invalid(field, list, "first value must match `clusterIP`")
        : invalid(field, list, "must be empty when `clusterIP` is not specified"),
    );
  if (isHeadless(service) && (spec.type === "LoadBalancer" || spec.type === "NodePort"))
    errors.push(invalid(`${field}[0]`, list[0] ?? NONE, `may not be set to 'None' for ${spec.type} services`));
  list.forEach((ip, i) => {
    if (ip === NONE && list.length > 1)
      errors.push(invalid(`${field}[${i}]`, ip, "'None' must be the first and only value"));
    else if (ip !== NONE) errors.push(...invalidEach(`${field}[${i}]`, ip, ipAddress(ip)));
  });
  if (list.length > 2) errors.push(invalid(field, list, "may only hold up to 2 values"));
  else if (list.length === 2 && list.every((ip) => isIP(ip) !== 0) && familyOf(list[0]!) === familyOf(list[1]!))
    errors.push(invalid(field, list, "may specify no more than one IP for each IP family"));
  return [...errors, ...validateFamilies(service)];
}

function validateFamilies({ spec }: Service): FieldError[] {
  const errors: FieldError[] = [];
  const families = spec.ipFamilies ?? [];
  families.forEach((family, i) => {
    const at = `spec.ipFamilies[${i}]`;
    errors.push(...oneOf(at, family, ["IPv4", "IPv6"]));
    if (families.indexOf(family) < i)
      errors.push({ reason: "FieldValueDuplicate", field: at, message: `Duplicate value: ${JSON.stringify(family)}` });
    const ip = spec.clusterIPs?.[i];
    if (ip && isIP(ip) !== 0 && familyOf(ip) !== family)
      errors.push(
        invalid(`spec.clusterIPs[${i}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``),
      );
  });
  const policies = ["PreferDualStack", "RequireDualStack", "SingleStack"];
  if (spec.ipFamilyPolicy) errors.push(...oneOf("spec.ipFamilyPolicy", spec.ipFamilyPolicy, policies));
  return errors;
}

function validateTraffic(service: Service): FieldError[] {
  const { spec } = service;
  const errors: FieldError[] = [];
  const policies = ["Cluster", "Local"];
  const field = "spec.externalTrafficPolicy";
  if (isExternal(service)) errors.push(...oneOf(field, spec.externalTrafficPolicy, policies));
  else if (spec.externalTrafficPolicy)
    errors.push(invalid(field, spec.externalTrafficPolicy, "may only be set for externally-accessible services"));
  const healthPort = spec.healthCheckNodePort;
  if (healthPort && !needsHealthCheckPort(service)) {
    const text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    errors.push(invalid("spec.healthCheckNodePort", healthPort, text));
  } else if (healthPort !== undefined && (healthPort < 0 || healthPort > 65_535))
    errors.push(invalid("spec.healthCheckNodePort", healthPort, rangeMessage(0, 65_535)));
  if (spec.internalTrafficPolicy)
    errors.push(...oneOf("spec.internalTrafficPolicy", spec.internalTrafficPolicy, policies));
  const distributions = ["PreferClose", "PreferSameNode", "PreferSameZone"];
  if (spec.trafficDistribution && !distributions.includes(spec.trafficDistribution))
    errors.push(notSupported("spec.trafficDistribution", spec.trafficDistribution, distributions));
  return errors;
}

function validateLoadBalancer({ spec }: Service): FieldError[] {
  const errors: FieldError[] = [];
  const balanced = spec.type === "LoadBalancer";
  spec.loadBalancerSourceRanges?.forEach((range, i) => {
    const field = `spec.loadBalancerSourceRanges[${i}]`;
    errors.push(...invalidEach(field, range, cidr(range.trim())));
  });
  if (!balanced && spec.loadBalancerSourceRanges?.length)
    errors.push(forbidden("spec.loadBalancerSourceRanges", LB_ONLY));
  if (!balanced && spec.allocateLoadBalancerNodePorts !== undefined)
    errors.push(forbidden("spec.allocateLoadBalancerNodePorts", LB_ONLY));
  const { loadBalancerClass } = spec;
  if (loadBalancerClass === undefined) return errors;
  const field = "spec.loadBalancerClass";
  if (!balanced) errors.push(forbidden(field, LB_ONLY));
  else errors.push(...invalidEach(field, loadBalancerClass, qualifiedName(loadBalancerClass)));
  return errors;
}

export function validateService(service: Service): FieldError[] {
  const { spec } = service;
  const errors = [
    ...validatePorts("spec.ports", service),
    ...validateExternalName(service),
    ...validateLabels("spec.selector", spec.selector),
    ...validateAffinity(service),
    ...validateClusterIPs(service),
  ];
  spec.externalIPs?.forEach((ip, i) => {
    errors.push(...validateEndpointIP(`spec.externalIPs[${i}]`, ip));
  });
  return [
    ...errors,
    ...oneOf("spec.type", spec.type, types),
    ...validateLoadBalancer(service),
    ...validateTraffic(service),
  ];
}
