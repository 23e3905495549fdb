import { DISRUPTION_TARGET } from "#api/disruption.js";
import type { Pod } from "#api/generated/types.js";
import { pods } from "#api/refs.js";
import { isNotFound } from "#api/status-error.js";
import { formatTime } from "#api/time.js";
import type { Client } from "./client.js";

export interface Disruption {
  reason: string;
  message: string;
  /** Milliseconds since the epoch. */
  now: number;
}

/**
 * Deletes a Pod that has done nothing wrong, and says so in its condition DisruptionTarget first. One that has gone, or another of
 * its name, is left alone.
 * https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions
 */
export async function disruptPod(client: Client, { metadata }: Pod, disruption: Disruption): Promise<void> {
  const { name, namespace, uid } = metadata;
  const { reason, message, now } = disruption;
  const condition = {
    type: DISRUPTION_TARGET,
    status: "True",
    reason,
    message,
    lastTransitionTime: formatTime(now),
  };
  const body = { metadata: { uid }, status: { conditions: [condition] } };
  const patch = { type: "application/strategic-merge-patch+json", body } as const;
  try {
    await client.patch(pods, name, patch, { namespace, subresource: "status" });
    await client.delete(pods, name, namespace, { preconditions: { uid } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
