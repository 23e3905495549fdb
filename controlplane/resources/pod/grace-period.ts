import type { Pod } from "#api/generated/types.js";

/**
 * Seconds a deleted pod is given to end (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination):
 * what was asked for, else what its spec says; nothing when no agent holds it or it has ended already. Asking for a
 * negative period means one second.
 */
export function gracePeriod(pod: Pod, requested: number | undefined): number {
  let seconds = requested ?? pod.spec.terminationGracePeriodSeconds ?? 0;
  if (!pod.spec.nodeName) seconds = 0;
  if (pod.status?.phase === "Failed" || pod.status?.phase === "Succeeded") seconds = 0;
  return seconds < 0 ? 1 : seconds;
}
