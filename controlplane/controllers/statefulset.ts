/** Keeps Pods that each have a name of their own, in order: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/ */
import type { ControllerRevision, Pod, StatefulSet } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { controllerRevisions, persistentVolumeClaims, pods, statefulSets } from "#api/refs.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { isNamespaceTerminating } from "#api/status-error.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { surplus, templateOf } from "./history/plan.js";
import { deleteRevision, writeRevision } from "./history/write.js";
import { claim } from "./ownership/claim.js";
import { managerKeys } from "./ownership/manager-keys.js";
import { OwnWrites } from "./ownership/own-writes.js";
import { ownershipIndexes } from "./ownership/owner-reference.js";
import { deletePod } from "./ownership/pod-control.js";
import { nextAvailable } from "./replicaset/status.js";
import { ensureClaims, keepClaims } from "./statefulset/claims.js";
import { identityLabels, newPod, ordinalOf, podName, revisionOf } from "./statefulset/identity.js";
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
      watch({ ref: persistentVolumeClaims, keys: () => [] }),
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
      const update = await writeRevision(
        { key, ref: statefulSets, owner: set, writes: revisionWrites, context },
        history,
      );
      const current = history.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? update;
      const names = { current: current.metadata.name, update: update.metadata.name };
      const state: StatefulSetState = { set, pods: managed, ...names, now: now() };
      const turn = { key, set, writes: podWrites, context };
      // Before the first of them goes, and its claims with it or not.
      for (const pod of managed) await keepClaims(set, pod, context);
      const failure = await act(
        turn,
        planStatefulSet(state),
        new Map([current, update].map((r) => [r.metadata.name, r])),
      );
      const status = statefulSetStatus(state);
      if (!semanticEqual(status, set.status))
        statusWrites.wrote(key, await client.update(statefulSets, { ...set, status }, { subresource: "status" }));
      const used = new Set([...Object.values(names), ...managed.map(revisionOf)]);
      for (const old of surplus(set, history, ({ metadata }) => used.has(metadata.name)))
        await deleteRevision(old, context);
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
    ...plan.delete.map((pod) => endPod(turn, pod)),
  ]);
  return results.find((result) => result.status === "rejected")?.reason;
}

async function createPod({ key, set, writes, context }: Turn, ordinal: number, revision: ControllerRevision) {
  const name = podName(set, ordinal);
  await told({ set, context }, "Create", name, async () => {
    await ensureClaims(set, ordinal, context);
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

async function endPod({ key, set, writes, context }: Turn, pod: Pod) {
  const { name } = pod.metadata;
  if (pod.status?.phase === "Failed")
    context.event(set, "Warning", "RecreatingFailedPod", `StatefulSet ${keyOf(set)} is recreating failed Pod ${name}`);
  if (pod.status?.phase === "Succeeded")
    context.event(
      set,
      "Normal",
      "RecreatingTerminatedPod",
      `StatefulSet ${keyOf(set)} is recreating terminated Pod ${name}`,
    );
  await told({ set, context }, "Delete", name, () => deletePod(context.client, pod, key, writes));
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
