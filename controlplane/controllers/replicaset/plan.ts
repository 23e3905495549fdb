import type { Pod, ReplicaSet } from "#api/generated/types.js";
import { isPodActive } from "#api/pod-state.js";
import { podsToDelete } from "./deletion-order.js";

/** So many Pods are created or deleted in one reconcile at most. */
const BURST = 500;

export interface ReplicaSetState {
  replicaSet: ReplicaSet;
  /** All Pods it manages. */
  pods: readonly Pod[];
  /** Pods of all ReplicaSets of the same owner, its own included. */
  related: readonly Pod[];
  now: number;
}

export interface ReplicaSetPlan {
  /** How many Pods to create. */
  create: number;
  delete: Pod[];
}

/** What brings the number of active Pods to `spec.replicas`. A ReplicaSet being deleted does neither. */
export function planReplicas({ replicaSet, pods, related, now }: ReplicaSetState): ReplicaSetPlan {
  const plan: ReplicaSetPlan = { create: 0, delete: [] };
  if (replicaSet.metadata.deletionTimestamp) return plan;
  const active = pods.filter(isPodActive);
  const missing = (replicaSet.spec.replicas ?? 1) - active.length;
  if (missing > 0) plan.create = Math.min(missing, BURST);
  else if (missing < 0) plan.delete = podsToDelete(active, related.filter(isPodActive), Math.min(-missing, BURST), now);
  return plan;
}
