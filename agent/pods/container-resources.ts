import type { Container, Pod, ResourceRequirements } from "#api/generated/types.js";
import { containerRequests } from "#api/pod-resources.js";
import { quantityMilli, quantityValue } from "#api/quantity.js";
import type { ContainerResources } from "../runtime/runtime.js";
import type { QosClass } from "./qos.js";

const CPU_PERIOD = 100_000;
const MIN_SHARES = 2;
const MIN_QUOTA = 1_000;

/**
 * Requests as CPU shares (1024 a core), limits as a quota of CPU time and a bound on memory.
 * @param whole what its Pod may use as a whole: the limit of a container that has none of its own
 */
export function containerResources({ resources }: Container, whole?: ResourceRequirements): ContainerResources {
  const cpuLimit = resources?.limits?.["cpu"] ?? whole?.limits?.["cpu"];
  const memoryLimit = resources?.limits?.["memory"] ?? whole?.limits?.["memory"];
  const cpuRequest = resources?.requests?.["cpu"] ?? resources?.limits?.["cpu"];
  const shares = Math.floor((quantityMilli(cpuRequest) * 1024) / 1000);
  const limited = cpuLimit !== undefined && quantityMilli(cpuLimit) > 0;
  return {
    cpuShares: Math.max(MIN_SHARES, shares),
    cpuQuota: limited ? Math.max(MIN_QUOTA, (quantityMilli(cpuLimit) * CPU_PERIOD) / 1000) : undefined,
    cpuPeriod: limited ? CPU_PERIOD : undefined,
    memoryLimit: memoryLimit === undefined ? undefined : quantityValue(memoryLimit) || undefined,
  };
}

/**
 * Who is killed first when memory runs out: best effort first, then who uses more than it asked for.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#node-out-of-memory-behavior
 * @param capacity the node's memory, bytes
 * @param share bytes of what its Pod asks for as a whole that no container asks for, divided among them
 */
export function oomScoreAdj(qos: QosClass, { resources }: Container, capacity: number, share = 0): number {
  if (qos === "Guaranteed") return -997;
  if (qos === "BestEffort") return 1000;
  const request = quantityValue(resources?.requests?.["memory"] ?? resources?.limits?.["memory"]);
  const score = Math.floor(1000 - (1000 * (request + share)) / capacity);
  return Math.min(999, Math.max(3, score));
}

/** See {@link oomScoreAdj}. */
export function unclaimedMemory({ spec }: Pod): number {
  const whole = quantityValue(spec.resources?.requests?.["memory"]);
  const claimed = containerRequests(spec).get("memory") ?? 0;
  return Math.max(0, whole - claimed) / spec.containers.length;
}
