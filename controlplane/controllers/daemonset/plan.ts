/** Which Pods a DaemonSet makes and ends next: a pure function of what there is. */
import type { DaemonSet, Node, Pod } from "#api/generated/types.js";
import { availableIn, isPodReady, isPodTerminal } from "#api/pod-state.js";
import { shareOf } from "#api/share.js";
import { nodeOf, revisionOf, type Verdict, verdictOf } from "./node-pods.js";

export interface DaemonSetState {
  set: DaemonSet;
  /** All Pods it manages. */
  pods: readonly Pod[];
  nodes: readonly Node[];
  /** Of the template as it is: what Pods made from it are labelled with. */
  hash: string;
  now: number;
}

export interface DaemonSetPlan {
  /** Names of nodes. */
  create: string[];
  delete: Pod[];
  /** Have ended where they should run: to be deleted, not too often. */
  ended: { pod: Pod; node: string }[];
}

export interface NodePods extends Verdict {
  name: string;
  /** The oldest first. */
  pods: Pod[];
}

const isTerminating = ({ metadata }: Pod) => metadata.deletionTimestamp !== undefined;

/** Every node, with the set's Pods on it; and Pods whose node is not there. */
export function byNode({ set, pods, nodes }: DaemonSetState): { nodes: NodePods[]; stray: Pod[] } {
  const places = new Map(
    nodes.map((node): [string, NodePods] => [
      node.metadata.name,
      { name: node.metadata.name, pods: [], ...verdictOf(set, node) },
    ]),
  );
  const stray: Pod[] = [];
  for (const pod of pods) (places.get(nodeOf(pod) ?? "")?.pods ?? stray).push(pod);
  for (const { pods: here } of places.values()) here.sort(byAge);
  return { nodes: [...places.values()], stray };
}

const time = ({ metadata }: Pod) => Date.parse(metadata.creationTimestamp ?? "");
const byAge = (a: Pod, b: Pod) => time(a) - time(b) || (a.metadata.name < b.metadata.name ? -1 : 1);

export function planDaemonSet(state: DaemonSetState): DaemonSetPlan {
  const plan: DaemonSetPlan = { create: [], delete: [], ended: [] };
  if (state.set.metadata.deletionTimestamp) return plan;
  const { nodes, stray } = byNode(state);
  // Those that run on a node that is gone are collected with it.
  plan.delete.push(...stray.filter((pod) => !pod.spec.nodeName && !isTerminating(pod)));
  for (const node of nodes) tend(state, node, plan);
  const isQuiet = plan.create.length + plan.delete.length + plan.ended.length === 0;
  if (isQuiet && state.set.spec.updateStrategy?.type === "RollingUpdate") rollOut(state, nodes, plan);
  return plan;
}

/** One Pod on each node that is to have one, none on the others. */
function tend(state: DaemonSetState, { name, pods, run, stay }: NodePods, plan: DaemonSetPlan): void {
  const live = pods.filter((pod) => !isTerminating(pod));
  if (!run) {
    if (!stay) plan.delete.push(...live);
    return;
  }
  if (pods.length === 0) plan.create.push(name);
  plan.ended.push(...live.filter(isPodTerminal).map((pod) => ({ pod, node: name })));
  const going = live.filter((pod) => !isPodTerminal(pod));
  // With a surge, one of the new template may be beside one of an old one.
  const groups = maxSurge(state.set, 1) > 0 ? [made(state, going, true), made(state, going, false)] : [going];
  for (const [, ...surplus] of groups) plan.delete.push(...surplus);
}

/** Those made from the template as it is, or all others. */
const made = ({ hash }: DaemonSetState, pods: readonly Pod[], isNew: boolean) =>
  pods.filter((pod) => (revisionOf(pod) === hash) === isNew);

const isAvailable = ({ set, now }: DaemonSetState, pod: Pod) =>
  !isTerminating(pod) && availableIn(pod, set.spec.minReadySeconds ?? 0, now) === 0;

/** https://kubernetes.io/docs/tasks/manage-daemon/update-daemon-set/ */
function rollOut(state: DaemonSetState, all: readonly NodePods[], plan: DaemonSetPlan): void {
  const nodes = all.filter(({ run }) => run);
  const places = nodes.map(({ name, pods }) => {
    const live = pods.filter((pod) => !isTerminating(pod));
    return {
      name,
      fresh: made(state, live, true)[0],
      old: made(state, live, false)[0],
      ending: live.length < pods.length,
    };
  });
  const well = (pod: Pod | undefined) => pod !== undefined && isAvailable(state, pod);
  const behind = places.filter(({ fresh, old }) => !fresh && old);
  const surge = maxSurge(state.set, nodes.length);
  if (surge > 0) {
    for (const { fresh, old } of places) if (old && well(fresh)) plan.delete.push(old);
    let left = surge - places.filter(({ fresh, old }) => fresh && old && !well(fresh)).length;
    for (const { name, old, ending } of behind) {
      if (ending || (well(old) && left-- <= 0)) continue;
      plan.create.push(name);
    }
    return;
  }
  let left = maxUnavailable(state.set, nodes.length) - places.filter(({ fresh, old }) => !old && !well(fresh)).length;
  // What does not work is replaced first, and asks nobody.
  for (const { old } of behind) if (old && (!well(old) || left-- > 0)) plan.delete.push(old);
}

function maxSurge({ spec }: DaemonSet, total: number): number {
  const { type, rollingUpdate } = spec.updateStrategy ?? {};
  return type === "RollingUpdate" ? shareOf(rollingUpdate?.maxSurge ?? 0, total) : 0;
}

const maxUnavailable = ({ spec }: DaemonSet, total: number) =>
  shareOf(spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1, total);

/** What the set's status should say. */
export function daemonSetStatus(state: DaemonSetState): DaemonSet["status"] {
  const { set, hash } = state;
  const { nodes } = byNode(state);
  const wanted = nodes.filter(({ run }) => run);
  const count = (test: (pod: Pod) => boolean) => wanted.filter(({ pods }) => pods.some(test)).length;
  const available = count((pod) => isAvailable(state, pod));
  return {
    ...{ collisionCount: set.status?.collisionCount, conditions: set.status?.conditions },
    observedGeneration: set.metadata.generation,
    desiredNumberScheduled: wanted.length,
    currentNumberScheduled: wanted.filter(({ pods }) => pods.length > 0).length,
    numberMisscheduled: nodes.filter(({ run, pods }) => !run && pods.length > 0).length,
    numberReady: count(isPodReady),
    updatedNumberScheduled: count((pod) => revisionOf(pod) === hash) || undefined,
    numberAvailable: available || undefined,
    numberUnavailable: wanted.length - available || undefined,
  };
}
