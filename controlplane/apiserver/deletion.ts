/**
 * Deleting one object: at once, or by marking it with a deletionTimestamp while a grace period runs or finalizers hold it.
 * https://kubernetes.io/docs/concepts/architecture/garbage-collection/
 */
import type { DeleteOptions, ObjectMeta, Status } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { conflict } from "#api/status-error.js";
import type { AdmissionContext, Kind } from "#resources/kind.js";
import { timestamp } from "./prepare-write.js";
import type { ResourceStore } from "./resource-store.js";
import type { StoredObject } from "./stored-object.js";

export interface Deletion {
  readonly store: ResourceStore;
  readonly options: DeleteOptions;
  readonly admission: AdmissionContext;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Changes the object in place, in the write that marks it. */
  readonly prepare?: (object: KubeObject) => void;
}

/**
 * @returns the object when it lives on, marked; else a Success Status
 * @throws CompareFailedError when `old` is not the newest state any more
 */
export async function deleteObject(old: StoredObject, deletion: Deletion): Promise<StoredObject | Status> {
  const { store, options, admission } = deletion;
  const { kind } = store;
  checkPreconditions(kind, old.object, options);
  kind.admission?.beforeDelete?.(old.object, admission);
  const marked = old.copy();
  mark(marked, deletion);
  deletion.prepare?.(marked);
  if (isHeld(kind, marked)) {
    return admission.dryRun ? store.unstored(marked, old.revision) : store.put(marked, old);
  }
  if (!admission.dryRun) await store.delete(old);
  return success(kind, old.object);
}

export function success(kind: Kind, { metadata }: KubeObject): Status {
  const details = { name: metadata.name, group: kind.group || undefined, kind: kind.plural, uid: metadata.uid };
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details };
}

/** @throws StatusError 409 */
export function checkPreconditions(kind: Kind, { metadata }: KubeObject, { preconditions }: DeleteOptions): void {
  const { name, uid, resourceVersion } = metadata;
  if (preconditions?.uid && preconditions.uid !== uid) {
    const why = `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`;
    throw conflict(kind, name, why);
  }
  if (preconditions?.resourceVersion && preconditions.resourceVersion !== resourceVersion) {
    const wanted = preconditions.resourceVersion;
    const why = `Precondition failed: ResourceVersion in precondition: ${wanted}, ResourceVersion in object meta: ${resourceVersion}`;
    throw conflict(kind, name, why);
  }
}

/** Writes into the object what the delete asks of it. */
function mark(object: KubeObject, { store, options, now }: Deletion): void {
  const { kind } = store;
  const { metadata } = object;
  applyPropagation(metadata, options);
  const first = metadata.deletionTimestamp === undefined;
  const grace = kind.gracePeriod?.(object, options.gracePeriodSeconds) ?? 0;
  if (first) {
    metadata.deletionTimestamp = timestamp(now + grace * 1000);
    metadata.deletionGracePeriodSeconds = grace;
    if (metadata.generation !== undefined) metadata.generation++;
    kind.prepareForDelete?.(object);
  } else if (options.gracePeriodSeconds !== undefined || metadata.deletionGracePeriodSeconds === undefined) {
    shorten(metadata, grace);
  }
}

/** A second delete can only bring the end nearer. */
function shorten(metadata: ObjectMeta, grace: number): void {
  const current = metadata.deletionGracePeriodSeconds ?? 0;
  if (grace >= current) return;
  const end = Date.parse(metadata.deletionTimestamp!) - (current - grace) * 1000;
  metadata.deletionTimestamp = timestamp(end);
  metadata.deletionGracePeriodSeconds = grace;
}

const ORPHAN = "orphan";
const FOREGROUND = "foregroundDeletion";

/** Orphan and foreground deletion are finalizers that the garbage collector takes off when it has done its part. */
function applyPropagation(metadata: ObjectMeta, { propagationPolicy, orphanDependents }: DeleteOptions): void {
  const policy =
    propagationPolicy ?? (orphanDependents === undefined ? undefined : orphanDependents ? "Orphan" : "Background");
  if (policy === undefined) return;
  const finalizers = (metadata.finalizers ?? []).filter((name) => name !== ORPHAN && name !== FOREGROUND);
  if (policy === "Orphan") finalizers.push(ORPHAN);
  if (policy === "Foreground") finalizers.push(FOREGROUND);
  if (finalizers.length > 0) metadata.finalizers = finalizers;
  else delete metadata.finalizers;
}

function isHeld(kind: Kind, object: KubeObject): boolean {
  const { finalizers, deletionGracePeriodSeconds } = object.metadata;
  return Boolean(deletionGracePeriodSeconds || finalizers?.length || kind.finalizers?.(object).length);
}
