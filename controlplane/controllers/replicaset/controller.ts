/** Keeps as many Pods of a template running as an object asks for: a ReplicaSet, or what is one in all but its selector. */
import type { Pod, ReplicaSet } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { pods } from "#api/refs.js";
import type { ResourceRef } from "#api/resource.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { isNamespaceTerminating } from "#api/status-error.js";
import { type Controller, type ControllerContext, watch } from "../controller.js";
import { claim } from "../ownership/claim.js";
import { managerKeys } from "../ownership/manager-keys.js";
import { OwnWrites } from "../ownership/own-writes.js";
import { controllerOf, ownershipIndexes } from "../ownership/owner-reference.js";
import { createPod, endPod, messageOf, type PodTurn } from "../ownership/pod-control.js";
import { podFromTemplate } from "../ownership/pod-from-template.js";
import { planReplicas, type ReplicaSetPlan } from "./plan.js";
import { slowStart } from "./slow-start.js";
import { nextAvailable, type ReplicaFailure, replicaSetStatus } from "./status.js";

export interface Replicated<T extends KubeObject> {
  readonly name: string;
  readonly ref: ResourceRef<T>;
  /** The object as the ReplicaSet it stands for, with its own metadata. */
  asSet(object: T): ReplicaSet;
}

export function replicasController<T extends KubeObject>({ name, ref, asSet }: Replicated<T>): Controller {
  const podWrites = new OwnWrites();
  const statusWrites = new OwnWrites();
  return {
    name,
    workers: 5,
    watches: [
      watch({ ref, indexes: ownershipIndexes }),
      watch({
        ref: pods,
        indexes: ownershipIndexes,
        keys: managerKeys(ref, (object) => asSet(object).spec.selector),
      }),
    ],
    async reconcile(key, context) {
      const sets = context.informer(ref);
      const podInformer = context.informer(pods);
      const object = sets.get(key);
      if (!object) {
        podWrites.forget(key);
        statusWrites.forget(key);
        return undefined;
      }
      if (!podWrites.seen(key, podInformer) || !statusWrites.seen(key, sets)) return undefined;
      const replicaSet = asSet(object);
      const managed = await claim(context.client, { ref, object: replicaSet }, { ref: pods, informer: podInformer });
      const related = relatedPods(ref, replicaSet, context);
      const plan = planReplicas({ replicaSet, pods: managed, related, now: context.now() });
      const failure = await act({ key, ref, owner: replicaSet, writes: podWrites, context }, plan);
      const status = replicaSetStatus(replicaSet, managed, failure?.told, context.now());
      if (!semanticEqual(status, replicaSet.status)) {
        statusWrites.wrote(key, await context.client.update(ref, { ...object, status }, { subresource: "status" }));
      }
      if (failure) throw failure.error;
      return nextAvailable(replicaSet, managed, context.now());
    },
  };
}

function relatedPods(ref: ResourceRef, replicaSet: ReplicaSet, context: ControllerContext): readonly Pod[] {
  const owner = controllerOf(replicaSet);
  const siblings = owner ? context.informer(ref).byIndex("controllerUid", owner.uid) : [replicaSet];
  return siblings.flatMap((set) => context.informer(pods).byIndex("controllerUid", set.metadata.uid));
}

interface Turn extends PodTurn {
  readonly ref: ResourceRef;
  readonly owner: ReplicaSet;
}

interface Failure {
  error: unknown;
  told: ReplicaFailure;
}

async function act(turn: Turn, plan: ReplicaSetPlan): Promise<Failure | undefined> {
  if (plan.create > 0) return createPods(turn, plan.create);
  const results = await Promise.allSettled(plan.delete.map((pod) => endPod(turn, pod)));
  const failed = results.find((result) => result.status === "rejected");
  if (!failed) return undefined;
  return { error: failed.reason, told: { reason: "FailedDelete", message: messageOf(failed.reason) } };
}

async function createPods(turn: Turn, count: number): Promise<Failure | undefined> {
  const draft = podFromTemplate(turn.ref, turn.owner, turn.owner.spec.template ?? {});
  const failed = await slowStart(count, () => createPod(turn, draft));
  if (!failed || isNamespaceTerminating(failed.error)) return undefined;
  return { error: failed.error, told: { reason: "FailedCreate", message: messageOf(failed.error) } };
}
