import type { OwnerReference } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { groupVersion, type ResourceRef } from "#api/resource.js";

/** The reference of the one owner that manages the object, if it has one. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller);
}

/** What an object that `owner` manages carries in its ownerReferences. */
export function controllerReference(ref: ResourceRef, owner: KubeObject): OwnerReference {
  return {
    apiVersion: groupVersion(ref),
    kind: ref.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** Index values: uid of the managing owner. */
export function controllerUid(object: KubeObject): readonly string[] {
  const owner = controllerOf(object);
  return owner ? [owner.uid] : [];
}

/** Index values: the namespace, of objects that nobody manages. */
export function unmanagedNamespace(object: KubeObject): readonly string[] {
  return controllerOf(object) ? [] : [object.metadata.namespace ?? ""];
}

/** The indexes {@link claimed} needs on a collection of managed objects. */
export const ownershipIndexes = { controllerUid, unmanagedNamespace };
