import type { Container, Pod } from "#api/generated/types.js";
import { compareQuantities } from "#api/quantity.js";

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort";

const RESOURCES = ["cpu", "memory"] as const;

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/ */
export function qosClass(pod: Pod): QosClass {
  if (pod.status?.qosClass) return pod.status.qosClass as QosClass;
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  if (containers.every(asksForNothing)) return "BestEffort";
  return containers.every(isGuaranteed) ? "Guaranteed" : "Burstable";
}

function asksForNothing({ resources }: Container): boolean {
  return RESOURCES.every((name) => isZero(resources?.requests?.[name]) && isZero(resources?.limits?.[name]));
}

function isGuaranteed({ resources }: Container): boolean {
  return RESOURCES.every((name) => {
    const limit = resources?.limits?.[name];
    const request = resources?.requests?.[name] ?? limit;
    return !isZero(limit) && compareQuantities(limit, request) === 0;
  });
}

function isZero(quantity: string | undefined): boolean {
  return quantity === undefined || compareQuantities(quantity, "0") === 0;
}
