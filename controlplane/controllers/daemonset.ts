/** Keeps a Pod on every node, or on every node that is meant: https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/ */
import type { DaemonSet, Node, Pod } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { controllerRevisions, daemonSets, nodes, pods } from "#api/refs.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { podFor, revisionOf } from "./daemonset/node-pods.js";
import { type DaemonSetPlan, type DaemonSetState, daemonSetStatus, planDaemonSet } from "./daemonset/plan.js";
import { Retries } from "./daemonset/retries.js";
import { hashOf, surplus } from "./history/plan.js";
import { deleteRevision, writeRevision } from "./history/write.js";
import { claim } from "./ownership/claim.js";
import { managerKeys } from "./ownership/manager-keys.js";
import { OwnWrites } from "./ownership/own-writes.js";
import { ownershipIndexes } from "./ownership/owner-reference.js";
import { createPod, endPod, type PodTurn } from "./ownership/pod-control.js";
import { slowStart } from "./replicaset/slow-start.js";
import { nextAvailable } from "./replicaset/status.js";

/** So many Pods are created in one reconcile at most. */
const BURST = 250;

export function daemonSetController(): Controller {
  const podWrites = new OwnWrites();
  const revisionWrites = new OwnWrites();
  const statusWrites = new OwnWrites();
  const retries = new Retries();
  const keys = managerKeys(daemonSets, ({ spec }) => spec.selector);
  return {
    name: "daemonset",
    workers: 2,
    watches: [
      watch({ ref: daemonSets }),
      watch({ ref: pods, indexes: ownershipIndexes, keys }),
      watch({ ref: controllerRevisions, indexes: ownershipIndexes, keys }),
      watch({ ref: nodes, keys: allWhenPlacesChange }),
    ],
    async reconcile(key, context) {
      const { client, now } = context;
      const sets = context.informer(daemonSets);
      const podInformer = context.informer(pods);
      const revisions = context.informer(controllerRevisions);
      const set = sets.get(key);
      if (!set) {
        for (const writes of [podWrites, revisionWrites, statusWrites]) writes.forget(key);
        retries.forget(`${key}/`);
        return undefined;
      }
      const isCurrent =
        podWrites.seen(key, podInformer) && revisionWrites.seen(key, revisions) && statusWrites.seen(key, sets);
      if (!isCurrent || set.metadata.deletionTimestamp) return undefined;
      const owner = { ref: daemonSets, object: set };
      const history = await claim(client, owner, { ref: controllerRevisions, informer: revisions });
      const managed = await claim(client, owner, { ref: pods, informer: podInformer });
      const update = await writeRevision(
        { key, ref: daemonSets, owner: set, writes: revisionWrites, context },
        history,
      );
      const allNodes = context.informer(nodes).list();
      const state: DaemonSetState = { set, pods: managed, nodes: allNodes, hash: hashOf(update), now: now() };
      const turn = { key, owner: set, hash: state.hash, writes: podWrites, context };
      const { wait, failure } = await act(turn, planDaemonSet(state), retries);
      const status = daemonSetStatus(state);
      if (!semanticEqual(status, set.status))
        statusWrites.wrote(key, await client.update(daemonSets, { ...set, status }, { subresource: "status" }));
      const used = new Set([state.hash, ...managed.map(revisionOf)]);
      for (const old of surplus(set, history, (revision) => used.has(hashOf(revision))))
        await deleteRevision(old, context);
      if (failure) throw failure.error;
      return least(wait, nextAvailable(set, managed, now()));
    },
  };
}

/** Most changes of a node are its heartbeat. */
function allWhenPlacesChange(node: Node, context: ControllerContext, old?: Node): string[] {
  const place = ({ metadata, spec }: Node) => [metadata.labels, spec.taints];
  if (old && semanticEqual(place(node), place(old))) return [];
  return context.informer(daemonSets).list().map(keyOf);
}

function least(...values: (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}

interface Turn extends PodTurn {
  readonly owner: DaemonSet;
  readonly hash: string;
}

interface Outcome {
  /** Milliseconds until a Pod that has ended may be replaced. */
  wait?: number;
  failure?: { error: unknown };
}

async function act(turn: Turn, plan: DaemonSetPlan, retries: Retries): Promise<Outcome> {
  const { key, context } = turn;
  const waits = plan.ended.map(({ node, pod }) => ({ pod, wait: retries.take(`${key}/${node}`, context.now()) }));
  const due = waits.filter(({ wait }) => wait === 0).map(({ pod }) => pod);
  const results = await Promise.allSettled([
    ...plan.delete.map((pod) => endPod(turn, pod)),
    ...due.map((pod) => replacePod(turn, pod)),
  ]);
  const failed = results.find((result) => result.status === "rejected");
  const wait = least(...waits.map((each) => each.wait).filter((ms) => ms > 0));
  if (failed) return { wait, failure: { error: failed.reason } };
  const waiting = plan.create.slice(0, BURST);
  const failure = await slowStart(waiting.length, () =>
    createPod(turn, podFor(turn.owner, waiting.shift() as string, turn.hash)),
  );
  return { wait, failure };
}

/** One that has ended by itself is told of first. */
async function replacePod(turn: Turn, pod: Pod): Promise<void> {
  const [type, reason, how] =
    pod.status?.phase === "Failed"
      ? (["Warning", "FailedDaemonPod", "failed"] as const)
      : (["Normal", "SucceededDaemonPod", "succeeded"] as const);
  const message = `Found ${how} daemon pod ${keyOf(pod)} on node ${pod.spec.nodeName}, will try to delete it`;
  turn.context.event(turn.owner, type, reason, message);
  await endPod(turn, pod);
}
