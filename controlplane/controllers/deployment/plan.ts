import type { Deployment, DeploymentStatus, ReplicaSet } from "#api/generated/types.js";
import { revisionOf } from "./annotations.js";
import { planHistory } from "./history.js";
import { isRollingUpdate } from "./limits.js";
import { pausedConditions, progressCheckIn, withNewReplicaSet, withProgress } from "./progress.js";
import { planRecreate } from "./recreate.js";
import { planRollingUpdate } from "./rolling-update.js";
import { type DeploymentAction, Rollout } from "./rollout.js";
import { isScalingEvent, planScaling } from "./scaling.js";
import { countStatus, isComplete, withReplicaFailure } from "./status.js";

export interface DeploymentState {
  deployment: Deployment;
  /** All ReplicaSets it manages. */
  replicaSets: readonly ReplicaSet[];
  /** A Pod of an old ReplicaSet has not ended yet. Only strategy Recreate asks. */
  oldPodsRunning: boolean;
  /** Milliseconds since the epoch. */
  now: number;
}

export interface DeploymentPlan {
  actions: DeploymentAction[];
  /** The revision annotation the Deployment should carry; undefined leaves it. */
  revision?: string;
  status: DeploymentStatus;
  /** Milliseconds. */
  requeueAfter?: number;
}

/** The next step of a Deployment towards its spec. Sizes and conditions follow the upstream deployment controller. */
export function planDeployment(state: DeploymentState): DeploymentPlan {
  const { deployment, replicaSets, now } = state;
  const rollout = new Rollout(deployment, replicaSets, now);
  if (deployment.metadata.deletionTimestamp) {
    return { actions: [], status: countStatus(rollout, deployment.status?.conditions ?? []) };
  }
  let conditions = pausedConditions(deployment, now);
  const holding = deployment.spec.paused === true || isScalingEvent(rollout);
  rollout.refreshCurrent();
  if (holding) planScaling(rollout);
  else if (isRollingUpdate(deployment)) planRollingUpdate(rollout);
  else planRecreate(rollout, state.oldPodsRunning);
  if (deployment.spec.paused || (!holding && isComplete(deployment, deployment.status))) planHistory(rollout);

  conditions = withNewReplicaSet(rollout, conditions);
  const status = countStatus(rollout, conditions);
  if (!holding) {
    conditions = withProgress(rollout, status, status.conditions ?? []);
    status.conditions = [...withReplicaFailure(rollout, conditions)];
  }
  const revision = rollout.current && String(rollout.revision);
  const changed = revision !== undefined && revision !== String(revisionOf(deployment));
  return {
    actions: rollout.actions(),
    revision: changed ? revision : undefined,
    status,
    requeueAfter: holding ? undefined : progressCheckIn(deployment, status, now),
  };
}
