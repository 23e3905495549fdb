/** What a Pod takes over from its RuntimeClass. https://kubernetes.io/docs/concepts/scheduling-eviction/pod-overhead/ */
import { isDeepStrictEqual } from "node:util";
import type { Pod, RuntimeClass } from "#api/generated/types.js";
import { compareQuantities } from "#api/quantity.js";
import { pods, runtimeClasses } from "#api/refs.js";
import { forbiddenError } from "#api/status-error.js";
import type { AdmissionContext } from "../kind.js";

/** Sets overhead, node selector and tolerations of a new Pod, in place. @throws StatusError 403 */
export function applyRuntimeClass(pod: Pod, podName: string, context: AdmissionContext): void {
  const refuse = (why: string) => forbiddenError(pods, podName, why);
  const { runtimeClassName } = pod.spec;
  const found = runtimeClassName ? context.get(runtimeClasses, runtimeClassName) : undefined;
  if (runtimeClassName && !found) throw refuse(`pod rejected: RuntimeClass "${runtimeClassName}" not found`);
  const overhead = found?.overhead?.podFixed;
  if (!overhead) {
    if (Object.keys(pod.spec.overhead ?? {}).length > 0)
      throw refuse("pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
  } else if (pod.spec.overhead && !sameQuantities(pod.spec.overhead, overhead)) {
    throw refuse("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
  } else pod.spec.overhead = { ...overhead };
  if (found) takeScheduling(pod, found, refuse);
}

function sameQuantities(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  const same = (name: string) => b[name] !== undefined && compareQuantities(a[name], b[name]) === 0;
  return names.length === Object.keys(b).length && names.every(same);
}

function takeScheduling({ spec }: Pod, { scheduling }: RuntimeClass, refuse: (why: string) => Error): void {
  for (const [key, value] of Object.entries(scheduling?.nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key];
    if (own !== undefined && own !== value)
      throw refuse(`conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector = ${own}`);
    spec.nodeSelector = { ...spec.nodeSelector, [key]: value };
  }
  for (const toleration of scheduling?.tolerations ?? []) {
    const tolerations = spec.tolerations ?? [];
    if (!tolerations.some((own) => isDeepStrictEqual(own, toleration))) spec.tolerations = [...tolerations, toleration];
  }
}
