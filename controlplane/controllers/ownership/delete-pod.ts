import type { Pod } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { pods } from "#api/refs.js";
import { isNotFound } from "#api/status-error.js";
import type { Client } from "#client/client.js";
import type { OwnWrites } from "./own-writes.js";

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
