import type { Pod, ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from "#api/generated/types.js";
import { availableIn, isPodActive, isPodReady, isPodTerminal } from "#api/pod-state.js";
import { formatTime } from "#api/time.js";

export interface ReplicaFailure {
  reason: "FailedCreate" | "FailedDelete";
  message: string;
}

/**
 * What the ReplicaSet's status should say of these Pods (all it manages, also those that are ending).
 * @param failure why the last creation or deletion went wrong; undefined clears the ReplicaFailure condition
 * @param now milliseconds since the epoch
 */
export function replicaSetStatus(
  replicaSet: ReplicaSet,
  pods: readonly Pod[],
  failure: ReplicaFailure | undefined,
  now: number,
): ReplicaSetStatus {
  const { spec, status: old, metadata } = replicaSet;
  const active = pods.filter(isPodActive);
  const labels = Object.entries(spec.template?.metadata?.labels ?? {});
  const labelled = active.filter((pod) => labels.every(([key, value]) => pod.metadata.labels?.[key] === value));
  const available = active.filter((pod) => availableIn(pod, spec.minReadySeconds ?? 0, now) === 0);
  const conditions = failureConditions(old?.conditions ?? [], failure, now);
  return {
    replicas: active.length,
    fullyLabeledReplicas: labelled.length || undefined,
    readyReplicas: active.filter(isPodReady).length || undefined,
    availableReplicas: available.length || undefined,
    terminatingReplicas: pods.filter((pod) => pod.metadata.deletionTimestamp && !isPodTerminal(pod)).length,
    observedGeneration: metadata.generation,
    conditions: conditions.length > 0 ? conditions : undefined,
  };
}

function failureConditions(
  old: readonly ReplicaSetCondition[],
  failure: ReplicaFailure | undefined,
  now: number,
): ReplicaSetCondition[] {
  const others = old.filter((condition) => condition.type !== "ReplicaFailure");
  if (!failure) return others;
  const known = old.find((condition) => condition.type === "ReplicaFailure");
  if (known?.reason === failure.reason) return [...old];
  return [...others, { type: "ReplicaFailure", status: "True", lastTransitionTime: formatTime(now), ...failure }];
}

/** Milliseconds until the next Pod has been ready long enough to count as available; undefined when none is on the way. */
export function nextAvailable(
  { spec }: { spec: { minReadySeconds?: number } },
  pods: readonly Pod[],
  now: number,
): number | undefined {
  const waits = pods
    .filter(isPodActive)
    .map((pod) => availableIn(pod, spec.minReadySeconds ?? 0, now))
    .filter((wait) => wait !== undefined && wait > 0) as number[];
  return waits.length > 0 ? Math.min(...waits) : undefined;
}
