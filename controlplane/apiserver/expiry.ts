/** Removes objects whose time is over (Events), so that the store stays bounded. */
import { CompareFailedError } from "#storage/backend.js";
import type { ResourceStore } from "./resource-store.js";
import type { StoredObject } from "./stored-object.js";

/** Deletes on their way to the store at once: they share commits. */
const PARALLEL = 100;

/** @param now milliseconds since the epoch */
export async function removeExpired(store: ResourceStore, now: number): Promise<void> {
  const expiresAt = store.kind.expiresAt;
  if (!expiresAt) return;
  const expired: StoredObject[] = [];
  store.cache.scan(undefined, "", (stored) => {
    if (expiresAt(stored.object) <= now) expired.push(stored);
    return true;
  });
  for (let i = 0; i < expired.length; i += PARALLEL) {
    await Promise.all(expired.slice(i, i + PARALLEL).map((stored) => remove(store, stored)));
  }
}

async function remove(store: ResourceStore, stored: StoredObject): Promise<void> {
  try {
    await store.delete(stored);
  } catch (error) {
    // It has changed, so its time is not over; or it is gone.
    if (!(error instanceof CompareFailedError)) throw error;
  }
}
