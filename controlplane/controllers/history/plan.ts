/** A workload's templates over time, as ControllerRevisions: `kubectl rollout history` and `undo` read them. */
import type { ControllerRevision, LabelSelector, PodTemplateSpec } from "#api/generated/types.js";
import type { Draft, KubeObject } from "#api/object.js";
import type { ResourceRef } from "#api/resource.js";
import { canonicalText } from "#api/semantic-equal.js";
import { controllerReference } from "../ownership/owner-reference.js";
import { templateHash } from "./template-hash.js";

/** What has a history: a StatefulSet, a DaemonSet. */
export interface Templated extends KubeObject {
  spec: { selector: LabelSelector; template: PodTemplateSpec; revisionHistoryLimit?: number };
  status?: { collisionCount?: number };
}

/** A strategic merge patch that puts the template back in its owner's place. */
interface RevisionData {
  spec: { template: PodTemplateSpec & { $patch?: "replace" } };
}

const HASH = "controller.kubernetes.io/hash";

export const hashOf = ({ metadata }: ControllerRevision): string => metadata.labels?.[HASH] ?? "";

export function templateOf({ data }: ControllerRevision): PodTemplateSpec {
  const { $patch, ...template } = (data as RevisionData).spec.template;
  return template;
}

const byAge = (a: ControllerRevision, b: ControllerRevision) =>
  a.revision - b.revision || (a.metadata.name < b.metadata.name ? -1 : 1);

export interface HistoryPlan {
  /** Of the template as it is. */
  update: ControllerRevision | Draft<ControllerRevision>;
  /** Whether that is to be made, or is there with a number that is too low. */
  write?: "create" | "update";
}

/** @param known all revisions of the owner */
export function planHistory(ref: ResourceRef, owner: Templated, known: readonly ControllerRevision[]): HistoryPlan {
  const { name, namespace } = owner.metadata;
  const { template } = owner.spec;
  const data: RevisionData = { spec: { template: { ...template, $patch: "replace" } } };
  const sorted = [...known].sort(byAge);
  const last = sorted.at(-1);
  const revision = (last?.revision ?? 0) + 1;
  const same = sorted.findLast((candidate) => isSameTemplate(candidate, { data }));
  if (same) return same === last ? { update: same } : { update: { ...same, revision }, write: "update" };
  const hash = templateHash(template, owner.status?.collisionCount);
  const metadata = {
    name: `${name}-${hash}`,
    namespace,
    labels: { ...template.metadata?.labels, [HASH]: hash },
    ownerReferences: [controllerReference(ref, owner)],
  };
  return {
    update: { apiVersion: "apps/v1", kind: "ControllerRevision", metadata, data, revision },
    write: "create",
  };
}

export const isSameTemplate = (a: { data?: unknown }, b: { data?: unknown }) =>
  canonicalText(a.data) === canonicalText(b.data);

/** What nothing was made from and nobody wants to keep, the oldest first. */
export function surplus(
  owner: Templated,
  known: readonly ControllerRevision[],
  isUsed: (revision: ControllerRevision) => boolean,
): ControllerRevision[] {
  const idle = known.filter((revision) => !isUsed(revision)).sort(byAge);
  return idle.slice(0, Math.max(0, idle.length - (owner.spec.revisionHistoryLimit ?? 10)));
}
