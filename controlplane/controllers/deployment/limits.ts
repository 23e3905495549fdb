import type { Deployment } from "#api/generated/types.js";

export const desiredReplicas = (deployment: Deployment) => deployment.spec.replicas ?? 1;

export const isRollingUpdate = (deployment: Deployment) =>
  (deployment.spec.strategy?.type ?? "RollingUpdate") === "RollingUpdate";

function resolve(value: number | string | undefined, total: number, round: (value: number) => number): number {
  if (typeof value !== "string") return value ?? 0;
  return round((Number.parseFloat(value) * total) / 100);
}

interface Limits {
  surge: number;
  unavailable: number;
}

/** Percentages of maxSurge round up, of maxUnavailable down; both zero would stop every rollout, so one may be missing then. */
function limits(deployment: Deployment): Limits {
  const { maxSurge = "25%", maxUnavailable = "25%" } = deployment.spec.strategy?.rollingUpdate ?? {};
  const surge = resolve(maxSurge, desiredReplicas(deployment), Math.ceil);
  const unavailable = resolve(maxUnavailable, desiredReplicas(deployment), Math.floor);
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
