import type { Pod } from "#api/generated/types.js";
import { isPodReady, podCondition } from "#api/pod-state.js";

const COST = "controller.kubernetes.io/pod-deletion-cost";
const PHASES: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

interface Rank {
  pod: Pod;
  /** Compared element by element, lowest first to go. */
  score: readonly number[];
}

const time = (text: string | undefined, missing: number) => (text ? Date.parse(text) : missing);

function restarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount));
}

/** Newer goes first. Times are compared by the order of magnitude of age, so that ties are frequent and then random. */
function age(since: number, now: number): number {
  return Math.floor(Math.log2(Math.max(1, now - since)));
}

function score(pod: Pod, neighbours: number, now: number): readonly number[] {
  const readySince = time(podCondition(pod, "Ready")?.lastTransitionTime, now);
  const ready = isPodReady(pod);
  return [
    pod.spec.nodeName ? 1 : 0,
    PHASES[pod.status?.phase ?? "Pending"] ?? 0,
    ready ? 1 : 0,
    Number.parseInt(pod.metadata.annotations?.[COST] ?? "0", 10) || 0,
    -neighbours,
    ready ? age(readySince, now) : 0,
    -restarts(pod),
    age(time(pod.metadata.creationTimestamp, now), now),
  ];
}

function compare(a: Rank, b: Rank): number {
  for (const [i, value] of a.score.entries()) {
    const difference = value - (b.score[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.pod.metadata.uid < b.pod.metadata.uid ? -1 : 1;
}

/**
 * Which `count` Pods to delete when there are too many, as the ReplicaSet documentation orders them: unscheduled, pending,
 * not ready, cheaper by `pod-deletion-cost`, on the more crowded node, ready for a shorter time, restarted more, newer.
 * @param related active Pods of all ReplicaSets of the same owner: they tell which nodes are crowded
 */
export function podsToDelete(pods: readonly Pod[], related: readonly Pod[], count: number, now: number): Pod[] {
  if (count >= pods.length) return [...pods];
  const perNode = new Map<string, number>();
  for (const { spec } of related) {
    if (spec.nodeName) perNode.set(spec.nodeName, (perNode.get(spec.nodeName) ?? 0) + 1);
  }
  return pods
    .map((pod) => ({ pod, score: score(pod, perNode.get(pod.spec.nodeName ?? "") ?? 0, now) }))
    .sort(compare)
    .slice(0, count)
    .map(({ pod }) => pod);
}
