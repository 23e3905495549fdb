/** The last steps of every write: allocation and quotas under the kind's lock, dry run, compare-and-commit, removal by update. */
import type { KubeObject } from "#api/object.js";
import type { AdmissionContext } from "#resources/kind.js";
import type { Compare } from "#storage/backend.js";
import { quotaCheck } from "./quota.js";
import type { ResourceStore } from "./resource-store.js";
import type { StoredObject } from "./stored-object.js";

/**
 * Stores a prepared object. A write that changes nothing is not made; one that takes away the last finalizer of an
 * object that is being deleted removes it.
 * @returns the object as it is now, or was last
 * @throws CompareFailedError when `old` is not the newest state any more
 */
export async function commit(
  store: ResourceStore,
  object: KubeObject,
  old: StoredObject | undefined,
  admission: AdmissionContext,
  conditions: readonly Compare[] = [],
): Promise<StoredObject> {
  const hooks = store.kind.admission;
  const withinQuota = quotaCheck(store.kind, object, old?.object, admission);
  const write = async () => {
    hooks?.allocate?.(object, old?.object, admission);
    withinQuota?.();
    if (old && isFinished(store, object)) {
      if (!admission.dryRun) await store.delete(old);
      return store.unstored(object, old.revision);
    }
    if (admission.dryRun) return store.unstored(object, old?.revision ?? 0);
    return store.put(object, old, conditions);
  };
  return hooks?.allocate || withinQuota ? store.lock.run(write) : write();
}

/** Being deleted, its grace period over, and nothing holds it any more. */
function isFinished({ kind }: ResourceStore, object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  if (!deletionTimestamp || deletionGracePeriodSeconds || finalizers?.length) return false;
  return !kind.finalizers?.(object).length;
}
