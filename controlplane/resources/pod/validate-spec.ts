/** What makes a pod valid. https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ */
import { type FieldError, forbidden, invalid, required } from "#api/field-error.js";
import type { Pod, PodDNSConfig, PodSpec, PodTemplateSpec } from "#api/generated/types.js";
import { validateLabels } from "#api/validation/labels.js";
import { validateAnnotations } from "#api/validation/metadata.js";
import {
  dns1123Label,
  dns1123Subdomain,
  dns1123SubdomainWithUnderscore,
  invalidEach,
  qualifiedName,
} from "#api/validation/names.js";
import { ipAddress, rangeMessage } from "#api/validation/network.js";
import { oneOf } from "../field-rules.js";
import { validatePodResources } from "./pod-level-resources.js";
import { validateClaims } from "./validate-claims.js";
import { validateContainers } from "./validate-containers.js";
import { validateMirror } from "./validate-mirror.js";
import { validateOs } from "./validate-os.js";
import { validateAffinity, validateGates, validateSpread } from "./validate-scheduling.js";
import { validatePodSecurity } from "./validate-security.js";
import { validateTolerations } from "./validate-tolerations.js";
import { validateVolumes } from "./validate-volumes.js";

const MAX_SEARCH_CHARS = 2048;
const MAX_INT32 = 2 ** 31 - 1;
const restartPolicies = ["Always", "OnFailure", "Never"];
const dnsPolicies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

function validateDns(path: string, policy: string | undefined, config: PodDNSConfig | undefined): FieldError[] {
  const errors: FieldError[] = [];
  if (policy === "None" && !config) return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")];
  if (policy === "None" && !config?.nameservers?.length)
    return [required(`${path}.nameservers`, "must provide at least one DNS nameserver when `dnsPolicy` is None")];
  if (!config) return errors;
  const { nameservers = [], searches = [] } = config;
  if (nameservers.length > 3)
    errors.push(invalid(`${path}.nameservers`, nameservers, "must not have more than 3 nameservers"));
  nameservers.forEach((ip, i) => {
    errors.push(...invalidEach(`${path}.nameservers[${i}]`, ip, ipAddress(ip)));
  });
  if (searches.length > 32)
    errors.push(invalid(`${path}.searches`, searches, "must not have more than 32 search paths"));
  if (Buffer.byteLength(searches.join(" ")) > MAX_SEARCH_CHARS)
    errors.push(
      invalid(
        `${path}.searches`,
        searches,
        `must not have more than ${MAX_SEARCH_CHARS} characters (including spaces) in the search list`,
      ),
    );
  searches.forEach((domain, i) => {
    const bare = domain.endsWith(".") ? domain.slice(0, -1) : domain;
    if (domain !== ".")
      errors.push(...invalidEach(`${path}.searches[${i}]`, bare, dns1123SubdomainWithUnderscore(bare)));
  });
  config.options?.forEach(({ name }, i) => {
    if (!name) errors.push(required(`${path}.options[${i}]`, "must not be empty"));
  });
  return errors;
}

function validateNames(path: string, spec: PodSpec): FieldError[] {
  const optional = (field: keyof PodSpec, rule: (value: string) => string[]) => {
    const value = spec[field] as string | undefined;
    return value ? invalidEach(`${path}.${field}`, value, rule(value)) : [];
  };
  return [
    ...optional("serviceAccountName", dns1123Subdomain),
    ...optional("nodeName", dns1123Subdomain),
    ...optional("hostname", dns1123Label),
    ...optional("subdomain", dns1123Label),
    ...validateHostnameOverride(`${path}.hostnameOverride`, spec),
    ...optional("priorityClassName", dns1123Subdomain),
    ...optional("runtimeClassName", dns1123Subdomain),
  ];
}

/** The kernel takes 64 characters, and the name must be the Pod's own. */
function validateHostnameOverride(field: string, spec: PodSpec): FieldError[] {
  const { hostnameOverride: name, hostNetwork, setHostnameAsFQDN } = spec;
  if (name === undefined) return [];
  const errors = invalidEach(field, name, dns1123Subdomain(name));
  if (name.length > 64) errors.push(invalid(field, name, "must be no more than 64 characters"));
  if (hostNetwork) errors.push(forbidden(field, "may not be specified when hostNetwork is true"));
  if (setHostnameAsFQDN) errors.push(forbidden(field, "may not be specified when setHostnameAsFQDN is true"));
  return errors;
}

function validateHostAliases(path: string, spec: PodSpec): FieldError[] {
  return (spec.hostAliases ?? []).flatMap(({ ip, hostnames = [] }, i) => [
    ...invalidEach(`${path}[${i}].ip`, ip, ipAddress(ip ?? "")),
    ...hostnames.flatMap((name) => invalidEach(`${path}[${i}].hostnames`, name, dns1123Subdomain(name))),
  ]);
}

function validateDeadline(path: string, seconds: number | undefined): FieldError[] {
  return seconds === undefined || (seconds >= 1 && seconds <= MAX_INT32)
    ? []
    : [invalid(`${path}.activeDeadlineSeconds`, seconds, rangeMessage(1, MAX_INT32))];
}

/** Of a pod or of a template. @param path of the spec */
export function validatePodSpec(path: string, spec: PodSpec): FieldError[] {
  const errors = [
    ...validateVolumes(`${path}.volumes`, spec.volumes),
    ...validateContainers(path, spec),
    ...validatePodResources(path, spec),
    ...oneOf(`${path}.restartPolicy`, spec.restartPolicy, restartPolicies),
    ...oneOf(`${path}.dnsPolicy`, spec.dnsPolicy, dnsPolicies),
    ...validateLabels(`${path}.nodeSelector`, spec.nodeSelector),
    ...validatePodSecurity(path, spec),
    ...validateAffinity(`${path}.affinity`, spec.affinity),
    ...validateDns(`${path}.dnsConfig`, spec.dnsPolicy, spec.dnsConfig),
    ...validateGates(`${path}.schedulingGates`, spec.schedulingGates),
    ...validateSpread(`${path}.topologySpreadConstraints`, spec.topologySpreadConstraints),
    ...validateNames(path, spec),
    ...validateDeadline(path, spec.activeDeadlineSeconds),
    ...validateTolerations(`${path}.tolerations`, spec.tolerations),
    ...validateHostAliases(`${path}.hostAliases`, spec),
    ...validateClaims(path, spec),
    ...validateOs(path, spec),
  ];
  spec.readinessGates?.forEach(({ conditionType }, i) => {
    const field = `${path}.readinessGates[${i}].conditionType`;
    errors.push(...invalidEach(field, conditionType, qualifiedName(conditionType ?? "")));
  });
  const preemption = ["PreemptLowerPriority", "Never"];
  if (spec.preemptionPolicy) errors.push(...oneOf(`${path}.preemptionPolicy`, spec.preemptionPolicy, preemption));
  return errors;
}

/** @param old absent on creation */
export function validatePod(pod: Pod, old?: Pod): FieldError[] {
  const errors = validatePodSpec("spec", pod.spec);
  if (old) return errors;
  errors.push(...validateMirror(pod));
  if (pod.spec.nodeName && pod.spec.schedulingGates?.length)
    errors.push(forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"));
  if (pod.spec.ephemeralContainers?.length)
    errors.push(forbidden("spec.ephemeralContainers", "cannot be set on create"));
  return errors;
}

/** @param path of the template: "spec.template" */
export function validatePodTemplate(path: string, template: PodTemplateSpec): FieldError[] {
  const errors = [
    ...validateLabels(`${path}.labels`, template.metadata?.labels),
    ...validateAnnotations(`${path}.annotations`, template.metadata?.annotations),
    ...validatePodSpec(`${path}.spec`, template.spec as PodSpec),
  ];
  if (template.spec?.ephemeralContainers?.length)
    errors.push(forbidden(`${path}.spec.ephemeralContainers`, "ephemeral containers not allowed in pod template"));
  return errors;
}
