import type { OwnerReference } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";

export const FOREGROUND = "foregroundDeletion";
export const ORPHAN = "orphan";

export type Propagation = "Foreground" | "Background";

/** An owner as it is found now. `waiting`: it is being deleted and waits for its dependents to go first. */
export interface FoundOwner {
  reference: OwnerReference;
  state: "present" | "waiting" | "absent";
}

export type CollectAction =
  | { type: "delete"; propagation: Propagation }
  /** Takes references to these uids off the object. */
  | { type: "unlink"; uids: string[] }
  | undefined;

/** Does the object itself ask, by its finalizers, how its dependents are to be treated? */
export function ownPropagation({ metadata }: KubeObject): Propagation {
  return metadata.finalizers?.includes(FOREGROUND) ? "Foreground" : "Background";
}

/**
 * What becomes of an object whose owners are these. With any living owner it stays and loses its dead references; without
 * one it goes, after its own dependents if the last owner waits for it.
 * https://kubernetes.io/docs/concepts/architecture/garbage-collection/
 */
export function planDependent(
  object: KubeObject,
  owners: readonly FoundOwner[],
  hasBlockingDependents: boolean,
): CollectAction {
  if (object.metadata.deletionTimestamp || owners.length === 0) return undefined;
  const lost = owners.filter(({ state }) => state !== "present");
  if (lost.length === 0) return undefined;
  if (lost.length < owners.length) return { type: "unlink", uids: lost.map(({ reference }) => reference.uid) };
  const waiting = owners.some(({ state }) => state === "waiting");
  if (waiting && hasBlockingDependents) return { type: "delete", propagation: "Foreground" };
  return { type: "delete", propagation: ownPropagation(object) };
}

/** Takes a finalizer off; the merge patch carries the resourceVersion, since the whole list is replaced. */
export function withoutFinalizer({ metadata }: KubeObject, finalizer: string): object {
  const finalizers = (metadata.finalizers ?? []).filter((name) => name !== finalizer);
  const { uid, resourceVersion } = metadata;
  return { metadata: { uid, resourceVersion, finalizers } };
}

/** Takes references to owners off, as a merge patch. */
export function withoutOwners({ metadata }: KubeObject, uids: readonly string[]): object {
  const ownerReferences = (metadata.ownerReferences ?? []).filter((reference) => !uids.includes(reference.uid));
  const { uid, resourceVersion } = metadata;
  return { metadata: { uid, resourceVersion, ownerReferences } };
}
