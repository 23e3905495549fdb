import type { Pod, StatefulSet, StatefulSetStatus } from "#api/generated/types.js";
import { availableIn, isPodReady } from "#api/pod-state.js";
import { revisionOf } from "./identity.js";
import type { StatefulSetState } from "./plan.js";

/** What the set's status should say of these Pods, all it manages. */
export function statefulSetStatus({ set, pods, current, update, now }: StatefulSetState): StatefulSetStatus {
  const staying = pods.filter(({ metadata }) => !metadata.deletionTimestamp);
  const of = (revision: string) => staying.filter((pod) => revisionOf(pod) === revision).length;
  const ready = pods.filter((pod) => pod.status?.phase === "Running" && isPodReady(pod));
  const available = ready.filter((pod) => availableIn(pod, set.spec.minReadySeconds ?? 0, now) === 0);
  const isDone = isRolledOut(set, pods, ready.length, of(update));
  return {
    observedGeneration: set.metadata.generation,
    replicas: pods.length,
    readyReplicas: ready.length || undefined,
    availableReplicas: available.length,
    currentReplicas: of(isDone ? update : current) || undefined,
    updatedReplicas: of(update) || undefined,
    currentRevision: isDone ? update : current,
    updateRevision: update,
    collisionCount: set.status?.collisionCount ?? 0,
    conditions: set.status?.conditions,
  };
}

/** Every Pod is of the new revision and ready: from now on that is the current one. */
function isRolledOut({ spec }: StatefulSet, pods: readonly Pod[], ready: number, updated: number): boolean {
  const wanted = spec.replicas ?? 1;
  const isRolling = spec.updateStrategy?.type === "RollingUpdate";
  return isRolling && [pods.length, ready, updated].every((count) => count === wanted);
}
