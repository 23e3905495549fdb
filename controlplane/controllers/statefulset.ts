/** Keeps Pods that each have a name of their own, in order: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/ */
import type { ControllerRevision, Pod, StatefulSet } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { controllerRevisions, pods, statefulSets } from "#api/refs.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from "#api/status-error.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { claim } from "./ownership/claim.js";
import { managerKeys } from "./ownership/manager-keys.js";
import { OwnWrites } from "./ownership/own-writes.js";
import { controllerOf, ownershipIndexes } from "./ownership/owner-reference.js";
import { nextAvailable } from "./replicaset/status.js";
import { isSameTemplate, planHistory, surplus, templateOf } from "./statefulset/history.js";
import { identityLabels, newPod, ordinalOf, podName } from "./statefulset/identity.js";
import { planStatefulSet, type StatefulSetPlan, type StatefulSetState } from "./statefulset/plan.js";
import { statefulSetStatus } from "./statefulset/status.js";

export function statefulSetController(): Controller {
  const podWrites = new OwnWrites();
  const revisionWrites = new OwnWrites();
  const statusWrites = new OwnWrites();
  const keys = managerKeys(statefulSets, ({ spec }) => spec.selector);
  return {
    name: "statefulset",
    workers: 5,
    watches: [
      watch({ ref: statefulSets }),
      watch({ ref: pods, indexes: ownershipIndexes, keys }),
      watch({ ref: controllerRevisions, indexes: ownershipIndexes, keys }),
    ],
    async reconcile(key, context) {
      const { client, now } = context;
      const sets = context.informer(statefulSets);
      const podInformer = context.informer(pods);
      const revisions = context.informer(controllerRevisions);
      const set = sets.get(key);
      if (!set) {
        for (const writes of [podWrites, revisionWrites, statusWrites]) writes.forget(key);
        return undefined;
      }
      const isCurrent =
        podWrites.seen(key, podInformer) && revisionWrites.seen(key, revisions) && statusWrites.seen(key, sets);
      if (!isCurrent || set.metadata.deletionTimestamp) return undefined;
      const owner = { ref: statefulSets, object: set };
      const history = await claim(client, owner, { ref: controllerRevisions, informer: revisions });
      const isMember = (pod: Pod) => ordinalOf(set, pod) !== undefined;
      const managed = await claim(client, owner, { ref: pods, informer: podInformer, isMember });
      const update = await writeRevision({ key, set, writes: revisionWrites, context }, history);
      const current = history.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? update;
      const names = { current: current.metadata.name, update: update.metadata.name };
      const state: StatefulSetState = { set, pods: managed, ...names, now: now() };
      const turn = { key, set, writes: podWrites, context };
      const failure = await act(
        turn,
        planStatefulSet(state),
        new Map([current, update].map((r) => [r.metadata.name, r])),
      );
      const status = statefulSetStatus(state);
      if (!semanticEqual(status, set.status))
        statusWrites.wrote(key, await client.update(statefulSets, { ...set, status }, { subresource: "status" }));
      for (const old of surplus(set, history, managed, Object.values(names))) await deleteRevision(old, context);
      if (failure) throw failure;
      return nextAvailable(set, managed, now());
    },
  };
}

/** One reconcile of one set. */
interface Turn {
  readonly key: string;
  readonly set: StatefulSet;
  readonly writes: OwnWrites;
  readonly context: ControllerContext;
}

/** The revision of the template as it is; made, or given the highest number again, where it has to be. */
async function writeRevision(
  { key, set, writes, context }: Turn,
  history: readonly ControllerRevision[],
): Promise<ControllerRevision> {
  const { client } = context;
  const { update, write } = planHistory(set, history);
  if (!write) return update as ControllerRevision;
  if (write === "update") {
    const renumbered = await client.update(controllerRevisions, update as ControllerRevision);
    writes.wrote(key, renumbered);
    return renumbered;
  }
  try {
    const created = await client.create(controllerRevisions, update);
    writes.wrote(key, created);
    return created;
  } catch (error) {
    if (!isAlreadyExists(error) || isNamespaceTerminating(error)) throw error;
  }
  // By us, in a cache that has not shown it yet, or another template of the same hash.
  const existing = await client.get(controllerRevisions, update.metadata.name ?? "", set.metadata.namespace);
  if (controllerOf(existing)?.uid === set.metadata.uid && isSameTemplate(existing, update)) return existing;
  const status = { replicas: 0, ...set.status, collisionCount: (set.status?.collisionCount ?? 0) + 1 };
  await client.update(statefulSets, { ...set, status }, { subresource: "status" });
  throw new Error(`revision name ${update.metadata.name} is taken: trying another hash`);
}

async function deleteRevision({ metadata }: ControllerRevision, { client }: ControllerContext): Promise<void> {
  const { name, namespace, uid } = metadata;
  await client.delete(controllerRevisions, name, namespace, { preconditions: { uid } }).catch((error) => {
    if (!isNotFound(error)) throw error;
  });
}

/** @returns the first failure */
async function act(
  turn: Turn,
  plan: StatefulSetPlan,
  revisions: ReadonlyMap<string, ControllerRevision>,
): Promise<unknown> {
  const results = await Promise.allSettled([
    ...plan.create.map(({ ordinal, revision }) =>
      createPod(turn, ordinal, revisions.get(revision) as ControllerRevision),
    ),
    ...plan.mend.map(({ pod, ordinal }) => mendPod(turn, pod, ordinal)),
    ...plan.delete.map((pod) => deletePod(turn, pod)),
  ]);
  return results.find((result) => result.status === "rejected")?.reason;
}

async function createPod({ key, set, writes, context }: Turn, ordinal: number, revision: ControllerRevision) {
  const name = podName(set, ordinal);
  await told({ set, context }, "Create", name, async () => {
    const draft = newPod(set, ordinal, templateOf(revision), revision.metadata.name);
    writes.wrote(key, await context.client.create(pods, draft));
  });
}

async function mendPod({ key, set, writes, context }: Turn, { metadata }: Pod, ordinal: number) {
  const { name, namespace, uid } = metadata;
  const body = { metadata: { uid, labels: identityLabels(set, ordinal) } };
  await told({ set, context }, "Update", name, async () => {
    const patch = { type: "application/merge-patch+json", body } as const;
    writes.wrote(key, await context.client.patch(pods, name, patch, { namespace }));
  });
}

async function deletePod({ key, set, writes, context }: Turn, pod: Pod) {
  const { name, namespace, uid } = pod.metadata;
  if (pod.status?.phase === "Failed")
    context.event(set, "Warning", "RecreatingFailedPod", `StatefulSet ${keyOf(set)} is recreating failed Pod ${name}`);
  if (pod.status?.phase === "Succeeded")
    context.event(
      set,
      "Normal",
      "RecreatingTerminatedPod",
      `StatefulSet ${keyOf(set)} is recreating terminated Pod ${name}`,
    );
  await told({ set, context }, "Delete", name, async () => {
    try {
      const answer = await context.client.delete(pods, name, namespace, { preconditions: { uid } });
      if ("spec" in answer) writes.wrote(key, answer);
      else writes.removed(key, pod, keyOf(pod));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      writes.removed(key, pod, keyOf(pod));
    }
  });
}

/** Does it, and says how that went. */
async function told(
  { set, context }: Pick<Turn, "set" | "context">,
  verb: "Create" | "Update" | "Delete",
  name: string,
  work: () => Promise<void>,
): Promise<void> {
  const what = `${verb.toLowerCase()} Pod ${name} in StatefulSet ${set.metadata.name}`;
  try {
    await work();
    context.event(set, "Normal", `Successful${verb}`, `${what} successful`);
  } catch (error) {
    if (!isNamespaceTerminating(error))
      context.event(set, "Warning", `Failed${verb}`, `${what} failed error: ${(error as Error).message}`);
    throw error;
  }
}
