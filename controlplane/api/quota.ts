/**
 * What counts against a ResourceQuota. Both those who refuse (the API server) and who report (its controller) go by it.
 * https://kubernetes.io/docs/concepts/policy/resource-quotas/
 */
import type {
  PersistentVolumeClaim,
  Pod,
  PodAffinityTerm,
  ResourceQuota,
  ScopedResourceSelectorRequirement,
  Service,
} from "./generated/types.js";
import type { KubeObject } from "./object.js";
import { qosClassOf } from "./pod-qos.js";
import { podLimitQuantities, podRequestQuantities } from "./pod-quantities.js";
import { isPodTerminal } from "./pod-state.js";
import { addQuantities, parseQuantity, type Quantity } from "./quantity.js";
import { persistentVolumeClaims, pods, services } from "./refs.js";
import { groupResource, type ResourceRef } from "./resource.js";

/** By the names that stand in `spec.hard`. */
export type Usage = ReadonlyMap<string, Quantity>;

/** Kinds that a quota may count by their bare name too, without `count/`. */
export const COUNTED_BY_NAME: ReadonlySet<string> = new Set([
  "configmaps",
  "persistentvolumeclaims",
  "pods",
  "replicationcontrollers",
  "resourcequotas",
  "secrets",
  "services",
]);
const STORAGE = "requests.storage";
/** The same for the claims of one class. */
const CLASS_STORAGE = /\.storageclass\.storage\.k8s\.io\/(requests\.storage|persistentvolumeclaims)$/;
export const NODE_PORTS = "services.nodeports";
export const LOAD_BALANCERS = "services.loadbalancers";
/** What Pods ask for and are limited in. */
export const COMPUTE: ReadonlySet<string> = new Set(["cpu", "memory", "ephemeral-storage"]);
/** What each container of a Pod has to say something about, where a quota limits it. */
const TO_BE_NAMED = ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

export const isKind = (a: ResourceRef, b: ResourceRef) => groupResource(a) === groupResource(b);
const many = (count: number): Quantity => parseQuantity(count);

/** Names that count objects of this kind. Events are too many, and expire. */
function countNames(ref: ResourceRef): string[] {
  const name = groupResource(ref);
  if (name === "events") return [];
  return COUNTED_BY_NAME.has(name) ? [`count/${name}`, name] : [`count/${name}`];
}

/** True when objects of this kind may count under this name. */
export function concerns(ref: ResourceRef, name: string): boolean {
  if (countNames(ref).includes(name)) return true;
  if (isKind(ref, services)) return name === NODE_PORTS || name === LOAD_BALANCERS;
  if (isKind(ref, persistentVolumeClaims)) return name === STORAGE || CLASS_STORAGE.test(name);
  if (!isKind(ref, pods) || name === STORAGE) return false;
  return COMPUTE.has(name) || /^(requests\.|limits\.|hugepages-)/.test(name);
}

const known = new WeakMap<KubeObject, Usage>();

/** What the object counts for, as long as it {@link isLive}. Kept for an object: pass none that is still being changed. */
export function usageOf(ref: ResourceRef, object: KubeObject): Usage {
  let usage = known.get(object);
  if (!usage) {
    usage = measure(ref, object);
    known.set(object, usage);
  }
  return usage;
}

/** As {@link usageOf}, of an object that may still change. */
export function measure(ref: ResourceRef, object: KubeObject): Usage {
  const usage = new Map(countNames(ref).map((name) => [name, many(1)]));
  if (isKind(ref, services)) for (const [name, count] of portsOf(object as Service)) usage.set(name, many(count));
  if (isKind(ref, persistentVolumeClaims)) return claimUsage(object as PersistentVolumeClaim, usage);
  if (isKind(ref, pods)) return podUsage(object as Pod, usage);
  return usage;
}

function portsOf({ spec }: Service): [string, number][] {
  const { type, allocateLoadBalancerNodePorts = true, ports = [] } = spec ?? {};
  const isBalanced = type === "LoadBalancer";
  const hasNodePorts = type === "NodePort" || (isBalanced && allocateLoadBalancerNodePorts);
  return [
    [NODE_PORTS, hasNodePorts ? ports.length : 0],
    [LOAD_BALANCERS, isBalanced ? 1 : 0],
  ];
}

/** https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-for-storage */
function claimUsage({ spec }: PersistentVolumeClaim, usage: Map<string, Quantity>): Usage {
  const size = parseQuantity(spec.resources?.requests?.["storage"] ?? "0");
  usage.set(STORAGE, size);
  if (!spec.storageClassName) return usage;
  const prefix = `${spec.storageClassName}.storageclass.storage.k8s.io/`;
  return usage.set(`${prefix}${STORAGE}`, size).set(`${prefix}persistentvolumeclaims`, many(1));
}

function podUsage(pod: Pod, usage: Map<string, Quantity>): Usage {
  if (isPodTerminal(pod)) {
    usage.delete("pods");
    return usage;
  }
  for (const [name, amount] of Object.entries(podRequestQuantities(pod)))
    for (const counted of requestNames(name)) usage.set(counted, parseQuantity(amount));
  for (const [name, amount] of Object.entries(podLimitQuantities(pod)))
    if (COMPUTE.has(name)) usage.set(`limits.${name}`, parseQuantity(amount));
  return usage;
}

const requestNames = (name: string) =>
  COMPUTE.has(name) || name.startsWith("hugepages-") ? [name, `requests.${name}`] : [`requests.${name}`];

/** When (ms since the epoch) a Pod that is being deleted stops to count, though its node does not end it. */
export function endOfCount({ metadata }: KubeObject): number | undefined {
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (!deletionTimestamp || deletionGracePeriodSeconds === undefined) return undefined;
  return Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

export const isLive = (ref: ResourceRef, object: KubeObject, now: number) =>
  !isKind(ref, pods) || (endOfCount(object) ?? Number.POSITIVE_INFINITY) >= now;

/** Sums of what counts, for each of `names`; 0 for what nothing counts for. */
export function sum(names: readonly string[], usages: Iterable<Usage>): Map<string, Quantity> {
  const total = new Map(names.map((name) => [name, many(0)]));
  for (const usage of usages)
    for (const [name, amount] of usage) {
      const before = total.get(name);
      if (before) total.set(name, addQuantities(before, amount));
    }
  return total;
}

/** True when the quota's scopes take the object in. Only Pods have scopes. */
export function selects({ spec }: ResourceQuota, ref: ResourceRef, object: KubeObject): boolean {
  const scopes = (spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists" }));
  const all: ScopedResourceSelectorRequirement[] = [...scopes, ...(spec?.scopeSelector?.matchExpressions ?? [])];
  return all.every((scope) => isKind(ref, pods) && isInScope(scope, object as Pod));
}

function isInScope({ scopeName, operator, values = [] }: ScopedResourceSelectorRequirement, pod: Pod): boolean {
  const { activeDeadlineSeconds, priorityClassName } = pod.spec;
  switch (scopeName) {
    case "Terminating":
      return activeDeadlineSeconds !== undefined;
    case "NotTerminating":
      return activeDeadlineSeconds === undefined;
    case "BestEffort":
      return qosClassOf(pod) === "BestEffort";
    case "NotBestEffort":
      return qosClassOf(pod) !== "BestEffort";
    case "CrossNamespacePodAffinity":
      return looksElsewhere(pod);
    case "PriorityClass":
      return isAmong(operator, values, priorityClassName || undefined);
    default:
      return false;
  }
}

function isAmong(operator: string, values: readonly string[], value: string | undefined): boolean {
  if (operator === "In") return value !== undefined && values.includes(value);
  if (operator === "NotIn") return value === undefined || !values.includes(value);
  return (operator === "Exists") === (value !== undefined);
}

function looksElsewhere({ spec }: Pod): boolean {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  const terms: PodAffinityTerm[] = [podAffinity, podAntiAffinity].flatMap((each) => [
    ...(each?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(each?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ]);
  return terms.some(({ namespaces, namespaceSelector }) => (namespaces?.length ?? 0) > 0 || namespaceSelector);
}

/** What a quota wants each container to name and some do not: "cpu for: a,b; memory for: b". Undefined when all is there. */
export function unnamed(hardNames: readonly string[], { spec }: Pod): string | undefined {
  if (Object.keys({ ...spec.resources?.requests, ...spec.resources?.limits }).length > 0) return undefined;
  const names = TO_BE_NAMED.filter((name) => hardNames.includes(name)).sort();
  const missing = names.flatMap((name) => {
    const [kind, resource = name] = name.includes(".") ? name.split(".") : ["requests"];
    const without = [...spec.containers, ...(spec.initContainers ?? [])]
      .filter(({ resources }) => resources?.[kind as "requests" | "limits"]?.[resource] === undefined)
      .map((container) => container.name)
      .sort();
    return without.length > 0 ? [`${name} for: ${without.join(",")}`] : [];
  });
  return missing.length > 0 ? missing.join("; ") : undefined;
}
