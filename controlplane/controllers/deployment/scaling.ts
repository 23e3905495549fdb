import type { ReplicaSet } from "#api/generated/types.js";
import { desiredAnnotation, maxAnnotation } from "./annotations.js";
import { desiredReplicas, isRollingUpdate, maxSurge } from "./limits.js";
import { type Rollout, replicasOf, sum } from "./rollout.js";

/** The Deployment's size changed since its ReplicaSets were last scaled: that comes before any rollout step. */
export function isScalingEvent(rollout: Rollout): boolean {
  const desired = desiredReplicas(rollout.deployment);
  return rollout.active.some((set) => (desiredAnnotation(set) ?? desired) !== desired);
}

/** Takes the Deployment's size over without moving a rollout on: several active ReplicaSets share the change. */
export function planScaling(rollout: Rollout): void {
  const desired = desiredReplicas(rollout.deployment);
  const only = activeOrLatest(rollout);
  if (only) {
    rollout.scale(only, desired);
    return;
  }
  const { current } = rollout;
  if (current && isSaturated(rollout, current)) {
    for (const set of rollout.old.filter((old) => replicasOf(old) > 0)) rollout.scale(set, 0);
    return;
  }
  if (isRollingUpdate(rollout.deployment)) scaleProportionally(rollout);
}

function activeOrLatest(rollout: Rollout): ReplicaSet | undefined {
  const { active } = rollout;
  if (active.length > 1) return undefined;
  return active[0] ?? rollout.current ?? rollout.old.at(-1);
}

/** The rollout is over in all but name: old ReplicaSets are only left by an interrupted scale-down. */
function isSaturated(rollout: Rollout, set: ReplicaSet): boolean {
  const desired = desiredReplicas(rollout.deployment);
  return replicasOf(set) === desired && desiredAnnotation(set) === desired && set.status?.availableReplicas === desired;
}

/** The share of a ReplicaSet in a change, by its size when the Deployment was last scaled. */
function share(rollout: Rollout, set: ReplicaSet, change: number, given: number): number {
  const { deployment } = rollout;
  const size = replicasOf(set);
  const left = change - given;
  if (size === 0 || left === 0) return 0;
  if (desiredReplicas(deployment) === 0) return Math.max(-size, left);
  const total = desiredReplicas(deployment) + maxSurge(deployment);
  const before = maxAnnotation(set) || deployment.status?.replicas || total;
  const fraction = Math.round((size * total) / before) - size;
  return change > 0 ? Math.min(fraction, left) : Math.max(fraction, left);
}

function scaleProportionally(rollout: Rollout): void {
  const { deployment, active } = rollout;
  const desired = desiredReplicas(deployment);
  const allowed = desired > 0 ? desired + maxSurge(deployment) : 0;
  const change = allowed - sum(active, replicasOf);
  // `active` is in the order of age. Larger ones come first; of equal ones the newest when growing, the oldest when shrinking.
  const ordered = (change > 0 ? active.reverse() : active).sort((a, b) => replicasOf(b) - replicasOf(a));
  let given = 0;
  const sizes = ordered.map((set) => {
    const part = change === 0 ? 0 : share(rollout, set, change, given);
    given += part;
    return replicasOf(set) + part;
  });
  for (const [i, set] of ordered.entries()) {
    const rest = i === 0 ? change - given : 0;
    rollout.scale(set, Math.max(0, (sizes[i] as number) + rest));
  }
}
