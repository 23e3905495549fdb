import type { Deployment, DeploymentStatus } from "#api/generated/types.js";
import { type Conditions, conditionOf, setCondition, touchCondition, withoutCondition } from "./conditions.js";
import type { Rollout } from "./rollout.js";
import { isComplete } from "./status.js";

const TIMED_OUT = "ProgressDeadlineExceeded";
const AVAILABLE = "NewReplicaSetAvailable";
/** What clients write for "no deadline". */
const NO_DEADLINE = 2 ** 31 - 1;

function deadline(deployment: Deployment): number | undefined {
  const seconds = deployment.spec.progressDeadlineSeconds;
  return seconds === undefined || seconds === NO_DEADLINE ? undefined : seconds * 1000;
}

const progressing = (status: "True" | "False" | "Unknown", reason: string, message: string) => ({
  type: "Progressing",
  status,
  reason,
  message,
});

/** The Progressing condition before a rollout step: pausing stops its clock, resuming starts it anew. */
export function pausedConditions(deployment: Deployment, now: number): Conditions {
  const conditions = deployment.status?.conditions ?? [];
  const reason = conditionOf(conditions, "Progressing")?.reason;
  if (deadline(deployment) === undefined || reason === TIMED_OUT) return conditions;
  if (deployment.spec.paused)
    return setCondition(conditions, progressing("Unknown", "DeploymentPaused", "Deployment is paused"), now);
  if (reason !== "DeploymentPaused") return conditions;
  return setCondition(conditions, progressing("Unknown", "DeploymentResumed", "Deployment is resumed"), now);
}

/** Says that the ReplicaSet of the template was made, or was there already. */
export function withNewReplicaSet(rollout: Rollout, conditions: Conditions): Conditions {
  const { current, deployment, now } = rollout;
  if (!current || deadline(deployment) === undefined) return conditions;
  const { name, uid } = current.metadata;
  if (uid === "") {
    const condition = progressing("True", "NewReplicaSetCreated", `Created new replica set "${name}"`);
    return setCondition(conditions, condition, now);
  }
  if (conditionOf(conditions, "Progressing")) return conditions;
  return setCondition(conditions, progressing("True", "FoundNewReplicaSet", `Found new replica set "${name}"`), now);
}

/** The Progressing condition after a rollout step: done, moving, or stuck for longer than progressDeadlineSeconds. */
export function withProgress(rollout: Rollout, status: DeploymentStatus, conditions: Conditions): Conditions {
  const { deployment, current, now } = rollout;
  const limit = deadline(deployment);
  if (limit === undefined) return withoutCondition(conditions, "Progressing");
  const known = conditionOf(conditions, "Progressing");
  if (status.replicas === status.updatedReplicas && known?.reason === AVAILABLE) return conditions;
  const { name } = deployment.metadata;
  const subject = current ? `ReplicaSet "${current.metadata.name}"` : `Deployment "${name}"`;
  if (isComplete(deployment, status)) {
    const message = `${subject} has successfully progressed.`;
    return setCondition(conditions, progressing("True", AVAILABLE, message), now);
  }
  if (hasProgressed(deployment.status ?? {}, status)) {
    return touchCondition(conditions, progressing("True", "ReplicaSetUpdated", `${subject} is progressing.`), now);
  }
  if (isTimedOut(conditions, limit, now)) {
    return setCondition(conditions, progressing("False", TIMED_OUT, `${subject} has timed out progressing.`), now);
  }
  return conditions;
}

function hasProgressed(old: DeploymentStatus, status: DeploymentStatus): boolean {
  const outdated = (s: DeploymentStatus) => (s.replicas ?? 0) - (s.updatedReplicas ?? 0);
  return (
    (status.updatedReplicas ?? 0) > (old.updatedReplicas ?? 0) ||
    outdated(status) < outdated(old) ||
    (status.readyReplicas ?? 0) > (old.readyReplicas ?? 0) ||
    (status.availableReplicas ?? 0) > (old.availableReplicas ?? 0)
  );
}

function isTimedOut(conditions: Conditions, limit: number, now: number): boolean {
  const known = conditionOf(conditions, "Progressing");
  if (!known || known.reason === AVAILABLE) return false;
  if (known.reason === TIMED_OUT) return true;
  return now > Date.parse(known.lastUpdateTime ?? "") + limit;
}

/** When to look again, in milliseconds, so that a rollout that stops moving is told of in time. */
export function progressCheckIn(deployment: Deployment, status: DeploymentStatus, now: number): number | undefined {
  const limit = deadline(deployment);
  const known = conditionOf(status.conditions ?? [], "Progressing");
  if (limit === undefined || !known || deployment.spec.paused) return undefined;
  if (known.reason === AVAILABLE || known.reason === TIMED_OUT || isComplete(deployment, status)) return undefined;
  return Math.max(1_000, Date.parse(known.lastUpdateTime ?? "") + limit + 1_000 - now);
}
