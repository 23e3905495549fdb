import type { Deployment, DeploymentStatus, ReplicaSet } from "#api/generated/types.js";
import { type Conditions, setCondition, withoutCondition } from "./conditions.js";
import { desiredReplicas, maxUnavailable } from "./limits.js";
import { type Rollout, replicasOf, sum } from "./rollout.js";

/** Counts and the Available condition; `conditions` are those the Deployment has so far. */
export function countStatus(rollout: Rollout, conditions: Conditions): DeploymentStatus {
  const { deployment, current, all, now } = rollout;
  const available = sum(all, (set) => set.status?.availableReplicas);
  const enough = available >= desiredReplicas(deployment) - maxUnavailable(deployment);
  return {
    observedGeneration: deployment.metadata.generation,
    replicas: sum(all, (set) => set.status?.replicas) || undefined,
    updatedReplicas: current?.status?.replicas || undefined,
    readyReplicas: sum(all, (set) => set.status?.readyReplicas) || undefined,
    availableReplicas: available || undefined,
    unavailableReplicas: Math.max(0, sum(all, replicasOf) - available) || undefined,
    terminatingReplicas: sum(all, (set) => set.status?.terminatingReplicas),
    collisionCount: deployment.status?.collisionCount,
    conditions: [
      ...setCondition(
        conditions,
        enough
          ? {
              type: "Available",
              status: "True",
              reason: "MinimumReplicasAvailable",
              message: "Deployment has minimum availability.",
            }
          : {
              type: "Available",
              status: "False",
              reason: "MinimumReplicasUnavailable",
              message: "Deployment does not have minimum availability.",
            },
        now,
      ),
    ],
  };
}

/** Everything is of the current template, available, and the controller has seen the newest spec. */
export function isComplete(deployment: Deployment, status: DeploymentStatus | undefined): boolean {
  const desired = desiredReplicas(deployment);
  return (
    (status?.updatedReplicas ?? 0) === desired &&
    (status?.replicas ?? 0) === desired &&
    (status?.availableReplicas ?? 0) === desired &&
    (status?.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

/** Takes over why a ReplicaSet could not create Pods: the current one's reason if it has one, else an old one's. */
export function withReplicaFailure(rollout: Rollout, conditions: Conditions): Conditions {
  const failureOf = (set: ReplicaSet | undefined) =>
    set?.status?.conditions?.find((condition) => condition.type === "ReplicaFailure");
  const failure = failureOf(rollout.current) ?? rollout.old.map(failureOf).find(Boolean);
  if (!failure) return withoutCondition(conditions, "ReplicaFailure");
  const { type, status, reason = "", message = "" } = failure;
  return setCondition(conditions, { type, status, reason, message }, rollout.now);
}
