import { desiredReplicas } from "./limits.js";
import { type Rollout, replicasOf } from "./rollout.js";

/** One step of strategy Recreate: all old Pods go, and only when none of them runs any more the new ones come. */
export function planRecreate(rollout: Rollout, oldPodsRunning: boolean): void {
  const active = rollout.old.filter((set) => replicasOf(set) > 0);
  for (const set of active) rollout.scale(set, 0);
  if (active.length > 0 || oldPodsRunning) return;
  const desired = desiredReplicas(rollout.deployment);
  if (!rollout.current) rollout.createCurrent(desired);
  else if (replicasOf(rollout.current) !== desired) rollout.scale(rollout.current, desired);
}
