import type { ReplicaSet } from "#api/generated/types.js";
import { desiredReplicas, isRollingUpdate, maxSurge, maxUnavailable } from "./limits.js";
import { type Rollout, replicasOf, sum } from "./rollout.js";

const available = (set: ReplicaSet) => set.status?.availableReplicas ?? 0;

/** How large the current ReplicaSet may be now: towards `spec.replicas`, within maxSurge of all Pods together. */
export function allowedNewReplicas(rollout: Rollout): number {
  const { deployment, current } = rollout;
  const desired = desiredReplicas(deployment);
  if (!isRollingUpdate(deployment)) return desired;
  const size = current ? replicasOf(current) : 0;
  const room = desired + maxSurge(deployment) - sum(rollout.all, replicasOf);
  return room <= 0 ? size : size + Math.max(0, Math.min(room, desired - size));
}

/** One step of a rolling update: the current ReplicaSet grows as far as maxSurge lets it, else the old ones shrink. */
export function planRollingUpdate(rollout: Rollout): void {
  if (!rollout.current) rollout.createCurrent(allowedNewReplicas(rollout));
  else if (!growCurrent(rollout, rollout.current)) shrinkOld(rollout);
}

function growCurrent(rollout: Rollout, current: ReplicaSet): boolean {
  const desired = desiredReplicas(rollout.deployment);
  if (replicasOf(current) === desired) return false;
  return rollout.scale(current, replicasOf(current) > desired ? desired : allowedNewReplicas(rollout));
}

/** Pods that are not available go first (they cost nothing); then as many as leave maxUnavailable respected. */
function shrinkOld(rollout: Rollout): void {
  const { deployment } = rollout;
  const minAvailable = desiredReplicas(deployment) - maxUnavailable(deployment);
  const current = rollout.current as ReplicaSet;
  const starting = replicasOf(current) - available(current);
  const removable = sum(rollout.all, replicasOf) - minAvailable - starting;
  if (removable <= 0) return;

  let budget = removable;
  for (const set of rollout.old) {
    const unhealthy = Math.min(budget, replicasOf(set) - available(set));
    if (unhealthy <= 0) continue;
    rollout.scale(set, replicasOf(set) - unhealthy);
    budget -= unhealthy;
  }
  let spare = sum(rollout.all, available) - minAvailable;
  for (const set of rollout.old) {
    const count = Math.min(spare, replicasOf(set));
    if (count <= 0) continue;
    rollout.scale(set, replicasOf(set) - count);
    spare -= count;
  }
}
