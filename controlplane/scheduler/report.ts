import type { Pod } from "#api/generated/types.js";
import { podCondition } from "#api/pod-state.js";
import { pods } from "#api/refs.js";
import { isNotFound } from "#api/status-error.js";
import { formatTime } from "#api/time.js";
import type { Client } from "#client/client.js";
import type { Clock } from "#client/clock.js";
import type { EventRecorder } from "#client/event-recorder.js";

export interface Unschedulable {
  reason: string;
  message: string;
  /** Where room is kept for it; empty: nowhere. Absent: as before. */
  nominatedNodeName?: string;
}

/** Tells why a Pod has no node: a FailedScheduling Event, and PodScheduled=False when it does not say so yet. */
export async function reportUnschedulable(
  pod: Pod,
  { reason, message, nominatedNodeName = pod.status?.nominatedNodeName ?? "" }: Unschedulable,
  { client, clock, recorder }: { client: Client; clock: Clock; recorder: EventRecorder },
): Promise<void> {
  recorder.event(pod, "Warning", "FailedScheduling", message);
  const known = podCondition(pod, "PodScheduled");
  const isKept = nominatedNodeName === (pod.status?.nominatedNodeName ?? "");
  if (isKept && known?.status === "False" && known.reason === reason && known.message === message) return;
  const unchanged = known?.status === "False" ? known.lastTransitionTime : undefined;
  const lastTransitionTime = unchanged ?? formatTime(clock.now());
  const condition = { type: "PodScheduled", status: "False", reason, message, lastTransitionTime };
  const nomination = isKept ? {} : { nominatedNodeName: nominatedNodeName || null };
  const { name, namespace, uid } = pod.metadata;
  const body = { metadata: { uid }, status: { conditions: [condition], ...nomination } };
  const patch = { type: "application/strategic-merge-patch+json", body } as const;
  try {
    await client.patch(pods, name, patch, { namespace, subresource: "status" });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
