import type { Pod, ResourceRequirements } from "./generated/types.js";
import { compareQuantities } from "./quantity.js";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

const COMPUTE = ["cpu", "memory"] as const;

const isPositive = (quantity: string | undefined) => quantity !== undefined && compareQuantities(quantity, "0") > 0;

/** Requests and limits agree for CPU and memory, and both are there. */
function isGuaranteed({ limits, requests }: ResourceRequirements): boolean {
  return COMPUTE.every((name) => {
    const limit = limits?.[name];
    return isPositive(limit) && compareQuantities(requests?.[name] ?? limit, limit) === 0;
  });
}

function asksForNothing({ limits, requests }: ResourceRequirements): boolean {
  return COMPUTE.every((name) => !isPositive(limits?.[name]) && !isPositive(requests?.[name]));
}

/**
 * What the Pod asks for as a whole decides, where it says so; else what its containers do.
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/
 */
export function qosClassOf({ spec }: Pick<Pod, "spec">): QosClass {
  const whole = spec.resources;
  const hasWhole = Object.keys({ ...whole?.limits, ...whole?.requests }).length > 0;
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const all = hasWhole && whole ? [whole] : containers.map(({ resources }) => resources ?? {});
  if (all.every(asksForNothing)) return "BestEffort";
  return all.every(isGuaranteed) ? "Guaranteed" : "Burstable";
}
