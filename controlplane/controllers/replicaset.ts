/** Keeps as many Pods of a template running as a ReplicaSet asks for. */
import type { Pod, ReplicaSet } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { pods, replicaSets } from "#api/refs.js";
import { matchLabelSelector } from "#api/selectors.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { isNamespaceTerminating, isNotFound } from "#api/status-error.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { claim } from "./ownership/claim.js";
import { OwnWrites } from "./ownership/own-writes.js";
import { controllerOf, ownershipIndexes } from "./ownership/owner-reference.js";
import { podFromTemplate } from "./ownership/pod-from-template.js";
import { planReplicas, type ReplicaSetPlan } from "./replicaset/plan.js";
import { slowStart } from "./replicaset/slow-start.js";
import { nextAvailable, type ReplicaFailure, replicaSetStatus } from "./replicaset/status.js";

export function replicaSetController(): Controller {
  const podWrites = new OwnWrites();
  const statusWrites = new OwnWrites();
  return {
    name: "replicaset",
    workers: 5,
    watches: [
      watch({ ref: replicaSets, indexes: ownershipIndexes }),
      watch({ ref: pods, indexes: ownershipIndexes, keys: replicaSetsOf }),
    ],
    async reconcile(key, context) {
      const sets = context.informer(replicaSets);
      const podInformer = context.informer(pods);
      const replicaSet = sets.get(key);
      if (!replicaSet) {
        podWrites.forget(key);
        statusWrites.forget(key);
        return undefined;
      }
      if (!podWrites.seen(key, podInformer) || !statusWrites.seen(key, sets)) return undefined;
      const owner = { ref: replicaSets, object: replicaSet };
      const managed = await claim(context.client, owner, { ref: pods, informer: podInformer });
      const state = { replicaSet, pods: managed, related: relatedPods(replicaSet, context), now: context.now() };
      const failure = await act(key, replicaSet, planReplicas(state), podWrites, context);
      const status = replicaSetStatus(replicaSet, managed, failure?.told, context.now());
      if (!semanticEqual(status, replicaSet.status)) {
        const body = { ...replicaSet, status };
        statusWrites.wrote(key, await context.client.update(replicaSets, body, { subresource: "status" }));
      }
      if (failure) throw failure.error;
      return nextAvailable(replicaSet, managed, context.now());
    },
  };
}

/** The ReplicaSet that manages the Pod, or managed it before this change; for an orphan those that might adopt it. */
function replicaSetsOf(pod: Pod, context: ControllerContext, old?: Pod): string[] {
  const { namespace } = pod.metadata;
  const owners = [controllerOf(pod), old && controllerOf(old)].filter((owner) => owner?.kind === "ReplicaSet");
  const keys = owners.map((owner) => `${namespace}/${owner?.name}`);
  if (!controllerOf(pod)) {
    for (const set of context.informer(replicaSets).list()) {
      if (set.metadata.namespace === namespace && matchLabelSelector(set.spec.selector, pod.metadata.labels))
        keys.push(keyOf(set));
    }
  }
  return keys;
}

function relatedPods(replicaSet: ReplicaSet, context: ControllerContext): readonly Pod[] {
  const owner = controllerOf(replicaSet);
  const siblings = owner ? context.informer(replicaSets).byIndex("controllerUid", owner.uid) : [replicaSet];
  return siblings.flatMap((set) => context.informer(pods).byIndex("controllerUid", set.metadata.uid));
}

interface Failure {
  error: unknown;
  told: ReplicaFailure;
}

async function act(
  key: string,
  replicaSet: ReplicaSet,
  plan: ReplicaSetPlan,
  writes: OwnWrites,
  context: ControllerContext,
): Promise<Failure | undefined> {
  if (plan.create > 0) return createPods(key, replicaSet, plan.create, writes, context);
  const results = await Promise.allSettled(plan.delete.map((pod) => deletePod(key, replicaSet, pod, writes, context)));
  const failed = results.find((result) => result.status === "rejected");
  if (!failed) return undefined;
  return { error: failed.reason, told: { reason: "FailedDelete", message: messageOf(failed.reason) } };
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

async function createPods(
  key: string,
  replicaSet: ReplicaSet,
  count: number,
  writes: OwnWrites,
  context: ControllerContext,
): Promise<Failure | undefined> {
  const draft = podFromTemplate(replicaSets, replicaSet, replicaSet.spec.template ?? {});
  const failed = await slowStart(count, async () => {
    try {
      const pod = await context.client.create(pods, draft);
      writes.wrote(key, pod);
      context.event(replicaSet, "Normal", "SuccessfulCreate", `Created pod: ${pod.metadata.name}`);
    } catch (error) {
      if (!isNamespaceTerminating(error))
        context.event(replicaSet, "Warning", "FailedCreate", `Error creating: ${messageOf(error)}`);
      throw error;
    }
  });
  if (!failed || isNamespaceTerminating(failed.error)) return undefined;
  return { error: failed.error, told: { reason: "FailedCreate", message: messageOf(failed.error) } };
}

async function deletePod(
  key: string,
  replicaSet: ReplicaSet,
  pod: Pod,
  writes: OwnWrites,
  context: ControllerContext,
): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  try {
    const answer = await context.client.delete(pods, name, namespace, { preconditions: { uid } });
    if ("spec" in answer) writes.wrote(key, answer);
    else writes.removed(key, pod, keyOf(pod));
  } catch (error) {
    if (isNotFound(error)) return writes.removed(key, pod, keyOf(pod));
    context.event(replicaSet, "Warning", "FailedDelete", `Error deleting: ${messageOf(error)}`);
    throw error;
  }
  context.event(replicaSet, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`);
}
