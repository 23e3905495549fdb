import type { Deployment, ReplicaSet } from "#api/generated/types.js";
import { desiredReplicas, maxSurge } from "./limits.js";

export const REVISION = "deployment.kubernetes.io/revision";
const REVISION_HISTORY = "deployment.kubernetes.io/revision-history";
const DESIRED = "deployment.kubernetes.io/desired-replicas";
const MAX = "deployment.kubernetes.io/max-replicas";

type Annotations = Record<string, string>;

/** A Deployment's annotations that its ReplicaSets do not take over. */
const NOT_COPIED = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  REVISION,
  REVISION_HISTORY,
  DESIRED,
  MAX,
  "deprecated.deployment.rollback.to",
]);

function integer(text: string | undefined): number | undefined {
  const value = Number.parseInt(text ?? "", 10);
  return Number.isNaN(value) ? undefined : value;
}

/** 0 when there is none. */
export const revisionOf = (object: Deployment | ReplicaSet) => integer(object.metadata.annotations?.[REVISION]) ?? 0;
/** `spec.replicas` of the Deployment when it last scaled this ReplicaSet. */
export const desiredAnnotation = (set: ReplicaSet) => integer(set.metadata.annotations?.[DESIRED]);
/** The same with maxSurge on top. */
export const maxAnnotation = (set: ReplicaSet) => integer(set.metadata.annotations?.[MAX]);

/** Remembers on a ReplicaSet how large the Deployment was to be: proportional scaling needs the size before. */
export function replicasAnnotations(deployment: Deployment): Annotations {
  const desired = desiredReplicas(deployment);
  return { [DESIRED]: String(desired), [MAX]: String(desired + maxSurge(deployment)) };
}

/** The annotations of the ReplicaSet of the current template: the Deployment's own ones and the revision. */
export function newSetAnnotations(deployment: Deployment, existing: Annotations, revision: number): Annotations {
  const annotations = { ...existing };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!NOT_COPIED.has(key)) annotations[key] = value;
  }
  const old = existing[REVISION];
  if ((integer(old) ?? 0) >= revision) return annotations;
  annotations[REVISION] = String(revision);
  if (old) {
    const history = existing[REVISION_HISTORY];
    annotations[REVISION_HISTORY] = history ? `${history},${old}` : old;
  }
  return annotations;
}
