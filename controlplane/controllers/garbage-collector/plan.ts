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
  /** Lets its owners go before it. */
  | { type: "unblock" }
  | undefined;

/** Does the object itself ask, by its finalizers, how its dependents are to be treated? */
export function ownPropagation({ metadata }: KubeObject): Propagation {
  return metadata.finalizers?.includes(FOREGROUND) ? "Foreground" : "Background";
}

/** Dependents for which the deletion of an object waits. */
export interface Blocking {
  /** There are some. */
  readonly any: boolean;
  /** One of them waits for dependents of its own, perhaps for this object: a circle. */
  readonly waiting: boolean;
}

/**
 * What becomes of an object whose owners are these. With any living owner it stays and loses its dead references; without
 * one it goes, after its own dependents if the last owner waits for it.
 * https://kubernetes.io/docs/concepts/architecture/garbage-collection/
 */
export function planDependent(object: KubeObject, owners: readonly FoundOwner[], blocking: Blocking): CollectAction {
  if (object.metadata.deletionTimestamp || owners.length === 0) return undefined;
  const lost = owners.filter(({ state }) => state !== "present");
  if (lost.length === 0) return undefined;
  if (lost.length < owners.length) return { type: "unlink", uids: lost.map(({ reference }) => reference.uid) };
  const waiting = owners.some(({ state }) => state === "waiting");
  if (waiting && blocking.any) {
    if (blocking.waiting && owners.some(({ reference }) => reference.blockOwnerDeletion)) return { type: "unblock" };
    return { type: "delete", propagation: "Foreground" };
  }
  return { type: "delete", propagation: ownPropagation(object) };
}

/** Takes references to owners off, as a merge patch. */
export function withoutOwners({ metadata }: KubeObject, uids: readonly string[]): object {
  const ownerReferences = (metadata.ownerReferences ?? []).filter((reference) => !uids.includes(reference.uid));
  const { uid, resourceVersion } = metadata;
  return { metadata: { uid, resourceVersion, ownerReferences } };
}

/** Keeps its owners but holds none of them back, as a merge patch. */
export function withoutBlocking({ metadata }: KubeObject): object {
  const ownerReferences = (metadata.ownerReferences ?? []).map((reference) => ({
    ...reference,
    blockOwnerDeletion: false,
  }));
  const { uid, resourceVersion } = metadata;
  return { metadata: { uid, resourceVersion, ownerReferences } };
}
