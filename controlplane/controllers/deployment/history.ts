import { revisionOf } from "./annotations.js";
import type { Rollout } from "./rollout.js";

/** Deletes old, empty ReplicaSets beyond `spec.revisionHistoryLimit`, lowest revisions first. */
export function planHistory(rollout: Rollout): void {
  const limit = rollout.deployment.spec.revisionHistoryLimit;
  if (limit === undefined) return;
  const kept = rollout.old.filter((set) => !set.metadata.deletionTimestamp);
  const excess = kept.length - limit;
  if (excess <= 0) return;
  const oldest = [...kept].sort((a, b) => revisionOf(a) - revisionOf(b)).slice(0, excess);
  for (const set of oldest) {
    const observed = (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0);
    if (set.spec.replicas === 0 && set.status?.replicas === 0 && observed) rollout.delete(set);
  }
}
