/** Makes and ends Pods for their owner, which is told in Events how that went. */
import type { Pod } from "#api/generated/types.js";
import { type Draft, type KubeObject, keyOf } from "#api/object.js";
import { pods } from "#api/refs.js";
import { isNamespaceTerminating, isNotFound } from "#api/status-error.js";
import type { Client } from "#client/client.js";
import type { ControllerContext } from "../controller.js";
import type { OwnWrites } from "./own-writes.js";

/** One reconcile of one owner. */
export interface PodTurn {
  readonly key: string;
  readonly owner: KubeObject;
  /** Of Pods, under the owner's key. */
  readonly writes: OwnWrites;
  readonly context: ControllerContext;
}

export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

export async function createPod({ key, owner, writes, context }: PodTurn, draft: Draft<Pod>): Promise<void> {
  try {
    const pod = await context.client.create(pods, draft);
    writes.wrote(key, pod);
    context.event(owner, "Normal", "SuccessfulCreate", `Created pod: ${pod.metadata.name}`);
  } catch (error) {
    if (!isNamespaceTerminating(error))
      context.event(owner, "Warning", "FailedCreate", `Error creating: ${messageOf(error)}`);
    throw error;
  }
}

export async function endPod({ key, owner, writes, context }: PodTurn, pod: Pod): Promise<void> {
  try {
    await deletePod(context.client, pod, key, writes);
  } catch (error) {
    context.event(owner, "Warning", "FailedDelete", `Error deleting: ${messageOf(error)}`);
    throw error;
  }
  context.event(owner, "Normal", "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
}

/**
 * Deletes the Pod, with its grace, and remembers under its owner's key that this was done. One that is gone is deleted; another of
 * the same name is not touched.
 */
export async function deletePod(client: Client, pod: Pod, key: string, writes: OwnWrites): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  try {
    const answer = await client.delete(pods, name, namespace, { preconditions: { uid } });
    if ("spec" in answer) writes.wrote(key, answer);
    else writes.removed(key, pod, keyOf(pod));
  } catch (error) {
    if (!isNotFound(error)) throw error;
    writes.removed(key, pod, keyOf(pod));
  }
}
