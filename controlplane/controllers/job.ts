/** Runs Pods until enough of them have succeeded: https://kubernetes.io/docs/concepts/workloads/controllers/job/ */
import type { Job, Pod } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { jobs, pods } from "#api/refs.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { isInvalid, isNotFound } from "#api/status-error.js";
import type { Client } from "#client/client.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { type JobPlan, planJob } from "./job/plan.js";
import { podFor } from "./job/pods.js";
import { isTracked, TRACKING } from "./job/tracking.js";
import { claim, type Owner } from "./ownership/claim.js";
import { managerKeys } from "./ownership/manager-keys.js";
import { OwnWrites } from "./ownership/own-writes.js";
import { controllerOf, ownershipIndexes } from "./ownership/owner-reference.js";
import { createPod, endPod, type PodTurn } from "./ownership/pod-control.js";
import { slowStart } from "./replicaset/slow-start.js";

export function jobController(): Controller {
  const podWrites = new OwnWrites();
  const statusWrites = new OwnWrites();
  return {
    name: "job",
    workers: 5,
    watches: [
      watch({ ref: jobs }),
      watch({ ref: pods, indexes: ownershipIndexes, keys: managerKeys(jobs, ({ spec }) => spec?.selector) }),
    ],
    async reconcile(key, context) {
      const { client, now } = context;
      const informer = context.informer(jobs);
      const podInformer = context.informer(pods);
      const job = informer.get(key);
      if (!job) {
        podWrites.forget(key);
        statusWrites.forget(key);
        await letGo(key, context);
        return undefined;
      }
      // Somebody else's: https://kubernetes.io/docs/concepts/workloads/controllers/job/#delegation-of-managing-a-job-object-to-external-controller
      if (job.spec?.managedBy && job.spec.managedBy !== "kubernetes.io/job-controller") return undefined;
      if (!podWrites.seen(key, podInformer) || !statusWrites.seen(key, informer)) return undefined;
      const managed = await claim(client, { ref: jobs, object: job as Owner }, { ref: pods, informer: podInformer });
      const plan = planJob({ job, pods: managed, now: now() });
      // What was counted is written down before anything that tells it is given up.
      if (!semanticEqual(plan.status, job.status))
        statusWrites.wrote(key, await client.update(jobs, { ...job, status: plan.status }, { subresource: "status" }));
      for (const { type, reason, message } of plan.events) context.event(job, type, reason, message);
      const failure = await act({ key, owner: job, writes: podWrites, context }, plan);
      if (failure) throw failure.error;
      return plan.requeueAfter;
    },
  };
}

interface Turn extends PodTurn {
  readonly owner: Job;
}

async function act(turn: Turn, plan: JobPlan): Promise<{ error: unknown } | undefined> {
  const { key, context, writes } = turn;
  const results = await Promise.allSettled([
    ...plan.untrack.map((pod) => track(context.client, pod, false, key, writes)),
    ...plan.track.map((pod) => track(context.client, pod, true, key, writes)),
    ...plan.dismiss.map((pod) => dismissPod(turn, pod)),
    ...plan.end.map((pod) => endPod(turn, pod)),
  ]);
  const failed = results.find((result) => result.status === "rejected");
  if (failed) return { error: failed.reason };
  const orders = [...plan.create];
  return slowStart(orders.length, () => createPod(turn, podFor(turn.owner, orders.shift()!)));
}

/** Gives the Pod the finalizer, or takes it away. */
async function track(client: Client, pod: Pod, on: boolean, key: string, writes: OwnWrites): Promise<void> {
  const { name, namespace, uid, finalizers = [] } = pod.metadata;
  const others = finalizers.filter((finalizer) => finalizer !== TRACKING);
  const body = { metadata: { uid, finalizers: on ? [...others, TRACKING] : others } };
  try {
    writes.wrote(key, await client.patch(pods, name, { type: "application/merge-patch+json", body }, { namespace }));
  } catch (error) {
    // Another of its name by now (its uid differs): the informer is about to tell.
    if (isInvalid(error)) return;
    if (!isNotFound(error)) throw error;
    writes.removed(key, pod, keyOf(pod));
  }
}

/** Ends a Pod that is not to be counted. */
async function dismissPod(turn: Turn, pod: Pod): Promise<void> {
  if (isTracked(pod)) await track(turn.context.client, pod, false, turn.key, turn.writes);
  await endPod(turn, pod);
}

/** Nobody counts the Pods of a Job that is gone: nothing holds them any more. */
async function letGo(key: string, { client, informer }: ControllerContext): Promise<void> {
  const writes = new OwnWrites();
  for (const pod of informer(pods).list()) {
    const owner = controllerOf(pod);
    const isIts = owner?.kind === jobs.kind && `${pod.metadata.namespace}/${owner.name}` === key;
    if (isIts && isTracked(pod)) await track(client, pod, false, key, writes);
  }
}
