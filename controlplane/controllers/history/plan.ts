/** A StatefulSet's templates over time, as ControllerRevisions: `kubectl rollout history` and `undo` read them. */
import type { ControllerRevision, Pod, PodTemplateSpec, StatefulSet } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { statefulSets } from "#api/refs.js";
import { canonicalText } from "#api/semantic-equal.js";
import { controllerReference } from "../ownership/owner-reference.js";
import { templateHash } from "../ownership/template-hash.js";
import { revisionOf } from "./identity.js";

/** A strategic merge patch that puts the template back in the set's place. */
interface RevisionData {
  spec: { template: PodTemplateSpec & { $patch?: "replace" } };
}

export const HASH = "controller.kubernetes.io/hash";

const dataOf = ({ spec }: StatefulSet): RevisionData => ({
  spec: { template: { ...spec.template, $patch: "replace" } },
});

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

/** @param known all revisions of the set */
export function planHistory(set: StatefulSet, known: readonly ControllerRevision[]): HistoryPlan {
  const data = dataOf(set);
  const text = canonicalText(data);
  const sorted = [...known].sort(byAge);
  const last = sorted.at(-1);
  const revision = (last?.revision ?? 0) + 1;
  const same = sorted.filter((candidate) => canonicalText(candidate.data) === text).at(-1);
  if (same) return same === last ? { update: same } : { update: { ...same, revision }, write: "update" };
  const hash = templateHash(set.spec.template, set.status?.collisionCount);
  const metadata = {
    name: `${set.metadata.name}-${hash}`,
    namespace: set.metadata.namespace,
    labels: { ...set.spec.template.metadata?.labels, [HASH]: hash },
    ownerReferences: [controllerReference(statefulSets, set)],
  };
  const draft = { apiVersion: "apps/v1", kind: "ControllerRevision", metadata, data, revision };
  return { update: draft, write: "create" };
}

export const isSameTemplate = (a: { data?: unknown }, b: { data?: unknown }) =>
  canonicalText(a.data) === canonicalText(b.data);

/** What nobody needs and nobody wants to keep, the oldest first. @param live names that are in use */
export function surplus(
  set: StatefulSet,
  known: readonly ControllerRevision[],
  pods: readonly Pod[],
  live: readonly string[],
): ControllerRevision[] {
  const used = new Set([...live, ...pods.map(revisionOf)]);
  const idle = known.filter(({ metadata }) => !used.has(metadata.name)).sort(byAge);
  return idle.slice(0, Math.max(0, idle.length - (set.spec.revisionHistoryLimit ?? 10)));
}
