import type { Container, Pod } from "#api/generated/types.js";
import { compareQuantities } from "#api/quantity.js";

const COMPUTE = ["cpu", "memory"] as const;

const isPositive = (quantity: string | undefined) => quantity !== undefined && compareQuantities(quantity, "0") > 0;

/** Requests and limits agree for CPU and memory, and both are there. */
function isGuaranteed({ resources }: Container): boolean {
  return COMPUTE.every((name) => {
    const limit = resources?.limits?.[name];
    return isPositive(limit) && compareQuantities(resources?.requests?.[name] ?? limit, limit) === 0;
  });
}

function asksForNothing({ resources }: Container): boolean {
  return COMPUTE.every((name) => !isPositive(resources?.limits?.[name]) && !isPositive(resources?.requests?.[name]));
}

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/ */
export function qosClass(pod: Pod): "Guaranteed" | "Burstable" | "BestEffort" {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  if (containers.every(asksForNothing)) return "BestEffort";
  return containers.every(isGuaranteed) ? "Guaranteed" : "Burstable";
}
