import type { Container } from "#api/generated/types.js";
import { quantityMilli, quantityValue } from "#api/quantity.js";
import type { ContainerResources } from "../runtime/runtime.js";
import type { QosClass } from "./qos.js";

const CPU_PERIOD = 100_000;
const MIN_SHARES = 2;
const MIN_QUOTA = 1_000;

/** Requests as CPU shares (1024 a core), limits as a quota of CPU time and a bound on memory. */
export function containerResources({ resources }: Container): ContainerResources {
  const cpuLimit = resources?.limits?.["cpu"];
  const memoryLimit = resources?.limits?.["memory"];
  const cpuRequest = resources?.requests?.["cpu"] ?? cpuLimit;
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
 */
export function oomScoreAdj(qos: QosClass, { resources }: Container, capacity: number): number {
  if (qos === "Guaranteed") return -997;
  if (qos === "BestEffort") return 1000;
  const request = quantityValue(resources?.requests?.["memory"] ?? resources?.limits?.["memory"]);
  const score = Math.floor(1000 - (1000 * request) / capacity);
  return Math.min(999, Math.max(3, score));
}
