/** Affinity, topology spread and scheduling gates. */
import { duplicate, type FieldError, forbidden, invalid, required } from "#api/field-error.js";
import type {
  Affinity,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinityTerm,
  PodAntiAffinity,
  PodSchedulingGate,
  TopologySpreadConstraint,
} from "#api/generated/types.js";
import { validateLabelName, validateLabelSelector } from "#api/validation/labels.js";
import { dns1123Label, invalidEach, qualifiedName } from "#api/validation/names.js";
import { oneOf } from "../field-rules.js";
import { validateMatchLabelKeys } from "./match-label-keys.js";

const REQUIRED_TERMS = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED_TERMS = "preferredDuringSchedulingIgnoredDuringExecution";

function validateOperands({ operator, values = [] }: NodeSelectorRequirement, at: string): FieldError[] {
  switch (operator) {
    case "In":
    case "NotIn":
      return values.length > 0
        ? []
        : [required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
    case "Exists":
    case "DoesNotExist":
      return values.length === 0
        ? []
        : [forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
    case "Gt":
    case "Lt":
      return values.length === 1
        ? []
        : [required(`${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'")];
    default:
      return [invalid(`${at}.operator`, operator, "not a valid selector operator")];
  }
}

export function validateNodeTerm(path: string, term: NodeSelectorTerm): FieldError[] {
  const errors: FieldError[] = [];
  term.matchExpressions?.forEach((requirement, i) => {
    const at = `${path}.matchExpressions[${i}]`;
    errors.push(...validateOperands(requirement, at), ...validateLabelName(`${at}.key`, requirement.key));
  });
  term.matchFields?.forEach((requirement, i) => {
    const at = `${path}.matchFields[${i}]`;
    if (requirement.values?.length !== 1)
      errors.push(
        required(`${at}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"),
      );
    if (requirement.operator !== "In" && requirement.operator !== "NotIn")
      errors.push(invalid(`${at}.operator`, requirement.operator, "not a valid selector operator"));
    if (requirement.key !== "metadata.name")
      errors.push(invalid(`${at}.key`, requirement.key, "not a valid field selector key"));
  });
  return errors;
}

const validateWeight = (at: string, weight: number) =>
  weight >= 1 && weight <= 100 ? [] : [invalid(`${at}.weight`, weight, "must be in the range 1-100")];

function validateNodeAffinity(path: string, affinity: Affinity): FieldError[] {
  const rules = affinity.nodeAffinity;
  const errors: FieldError[] = [];
  const terms = rules?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  const at = `${path}.${REQUIRED_TERMS}.nodeSelectorTerms`;
  if (rules?.requiredDuringSchedulingIgnoredDuringExecution && !terms?.length)
    errors.push(required(at, "must have at least one node selector term"));
  terms?.forEach((term, i) => {
    errors.push(...validateNodeTerm(`${at}[${i}]`, term));
  });
  rules?.preferredDuringSchedulingIgnoredDuringExecution?.forEach(({ weight, preference }, i) => {
    const field = `${path}.${PREFERRED_TERMS}[${i}]`;
    errors.push(...validateWeight(field, weight), ...validateNodeTerm(`${field}.preference`, preference ?? {}));
  });
  return errors;
}

function validatePodTerm(path: string, term: PodAffinityTerm): FieldError[] {
  const errors = [
    ...validateLabelSelector(`${path}.labelSelector`, term.labelSelector),
    ...validateLabelSelector(`${path}.namespaceSelector`, term.namespaceSelector),
    ...(term.namespaces ?? []).flatMap((ns) => invalidEach(`${path}.namespace`, ns, dns1123Label(ns))),
    ...validateMatchLabelKeys(path, term),
  ];
  if (!term.topologyKey) return [...errors, required(`${path}.topologyKey`, "can not be empty")];
  return [...errors, ...validateLabelName(`${path}.topologyKey`, term.topologyKey)];
}

function validatePodAffinity(path: string, rules: PodAntiAffinity | undefined): FieldError[] {
  const errors: FieldError[] = [];
  rules?.requiredDuringSchedulingIgnoredDuringExecution?.forEach((term, i) => {
    errors.push(...validatePodTerm(`${path}.${REQUIRED_TERMS}[${i}]`, term));
  });
  rules?.preferredDuringSchedulingIgnoredDuringExecution?.forEach(({ weight, podAffinityTerm }, i) => {
    const at = `${path}.${PREFERRED_TERMS}[${i}]`;
    errors.push(...validateWeight(at, weight), ...validatePodTerm(`${at}.podAffinityTerm`, podAffinityTerm));
  });
  return errors;
}

export function validateAffinity(path: string, affinity: Affinity | undefined): FieldError[] {
  if (!affinity) return [];
  return [
    ...validateNodeAffinity(`${path}.nodeAffinity`, affinity),
    ...validatePodAffinity(`${path}.podAffinity`, affinity.podAffinity),
    ...validatePodAffinity(`${path}.podAntiAffinity`, affinity.podAntiAffinity),
  ];
}

function validateMinDomains(field: string, domains: number, action: string): FieldError[] {
  const errors = domains > 0 ? [] : [invalid(field, domains, "must be greater than zero")];
  if (action !== "DoNotSchedule")
    errors.push(invalid(field, domains, `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${action}`));
  return errors;
}

export function validateSpread(path: string, constraints: readonly TopologySpreadConstraint[] = []): FieldError[] {
  const pairs = new Set<string>();
  return constraints.flatMap((constraint, i) => {
    const at = `${path}[${i}]`;
    const errors: FieldError[] = [];
    if (!(constraint.maxSkew > 0))
      errors.push(invalid(`${at}.maxSkew`, constraint.maxSkew ?? 0, "must be greater than zero"));
    if (!constraint.topologyKey) errors.push(required(`${at}.topologyKey`, "can not be empty"));
    else errors.push(...validateLabelName(`${at}.topologyKey`, constraint.topologyKey));
    errors.push(...oneOf(`${at}.whenUnsatisfiable`, constraint.whenUnsatisfiable, ["DoNotSchedule", "ScheduleAnyway"]));
    const pair = `{${constraint.topologyKey}, ${constraint.whenUnsatisfiable}}`;
    if (constraint.minDomains !== undefined)
      errors.push(...validateMinDomains(`${at}.minDomains`, constraint.minDomains, constraint.whenUnsatisfiable));
    for (const policy of ["nodeAffinityPolicy", "nodeTaintsPolicy"] as const)
      if (constraint[policy]) errors.push(...oneOf(`${at}.${policy}`, constraint[policy], ["Honor", "Ignore"]));
    if (pairs.has(pair)) errors.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, pair));
    pairs.add(pair);
    errors.push(...validateMatchLabelKeys(at, constraint));
    return [...errors, ...validateLabelSelector(`${at}.labelSelector`, constraint.labelSelector)];
  });
}

export function validateGates(path: string, gates: readonly PodSchedulingGate[] = []): FieldError[] {
  const names = new Set<string>();
  return gates.flatMap(({ name }, i) => {
    const at = `${path}[${i}]`;
    const errors = invalidEach(at, name, qualifiedName(name ?? ""));
    if (names.has(name)) errors.push(duplicate(at, name));
    names.add(name);
    return errors;
  });
}
