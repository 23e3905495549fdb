import type { Deployment } from "#api/generated/types.js";
import { shareOf } from "#api/share.js";

export const desiredReplicas = (deployment: Deployment) => deployment.spec.replicas ?? 1;

export const isRollingUpdate = (deployment: Deployment) =>
  (deployment.spec.strategy?.type ?? "RollingUpdate") === "RollingUpdate";

interface Limits {
  surge: number;
  unavailable: number;
}

/** Percentages of maxSurge round up, of maxUnavailable down; both zero would stop every rollout, so one may be missing then. */
function limits(deployment: Deployment): Limits {
  const { maxSurge = "25%", maxUnavailable = "25%" } = deployment.spec.strategy?.rollingUpdate ?? {};
  const surge = shareOf(maxSurge, desiredReplicas(deployment));
  const unavailable = shareOf(maxUnavailable, desiredReplicas(deployment), Math.floor);
  return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}

/** How many Pods there may be beyond `spec.replicas`. */
export function maxSurge(deployment: Deployment): number {
  return isRollingUpdate(deployment) ? limits(deployment).surge : 0;
}

/** How many of `spec.replicas` may be unavailable. */
export function maxUnavailable(deployment: Deployment): number {
  if (!isRollingUpdate(deployment)) return 0;
  return Math.min(limits(deployment).unavailable, desiredReplicas(deployment));
}
