/** What a Pod's status says, read as every part of Kubernetes reads it. */
import type { Pod, PodCondition } from "./generated/types.js";

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function isPodReady(pod: Pod): boolean {
  return podCondition(pod, "Ready")?.status === "True";
}

/** Succeeded or Failed: its containers run no more and never will. */
export function isPodTerminal(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** On the Pod that shows a node's own (static) one: the uid of that. */
export const MIRROR = "kubernetes.io/config.mirror";

/** It only shows a Pod that the node runs by itself: deleting it ends nothing. */
export function isMirror(pod: Pod): boolean {
  return pod.metadata.annotations?.[MIRROR] !== undefined;
}

/** Neither finished nor being deleted: it counts as a replica. */
export function isPodActive(pod: Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata.deletionTimestamp === undefined;
}

/**
 * Milliseconds until the Pod has been ready for `minReadySeconds`: 0 when it has, undefined when it is not ready.
 * @param now milliseconds since the epoch
 */
export function availableIn(pod: Pod, minReadySeconds: number, now: number): number | undefined {
  const ready = podCondition(pod, "Ready");
  if (ready?.status !== "True") return undefined;
  if (minReadySeconds === 0) return 0;
  const since = Date.parse(ready.lastTransitionTime ?? "");
  return Number.isNaN(since) ? minReadySeconds * 1000 : Math.max(0, since + minReadySeconds * 1000 - now);
}
