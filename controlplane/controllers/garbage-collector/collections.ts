import { LRUCache } from "lru-cache";
import type { OwnerReference } from "#api/generated/types.js";
import { type KubeObject, keyOf } from "#api/object.js";
import { groupResource, groupVersion, type ResourceRef } from "#api/resource.js";
import { isNotFound } from "#api/status-error.js";
import type { ControllerContext } from "../controller.js";

/** Index values: uids of all owners. */
export function ownerUids({ metadata }: KubeObject): readonly string[] {
  return metadata.ownerReferences?.map(({ uid }) => uid) ?? [];
}

/** Tells whether two versions of an object have the same owners. */
export function ownersText({ metadata }: KubeObject): string {
  return (metadata.ownerReferences ?? []).map(({ uid, blockOwnerDeletion }) => `${uid}${blockOwnerDeletion}`).join();
}

/** An object and the collection it is in. */
export interface Located {
  ref: ResourceRef;
  object: KubeObject;
}

/** Finds owners and dependents over all collections the garbage collector follows. */
export class Collections {
  readonly #byName: ReadonlyMap<string, ResourceRef>;
  readonly #byKind: ReadonlyMap<string, ResourceRef>;
  /** Uids never come back: once gone, always gone. */
  readonly #gone = new LRUCache<string, true>({ max: 1000 });

  constructor(readonly refs: readonly ResourceRef[]) {
    this.#byName = new Map(refs.map((ref) => [groupResource(ref), ref]));
    this.#byKind = new Map(refs.map((ref) => [`${groupVersion(ref)} ${ref.kind}`, ref]));
  }

  /** Work-queue key of an object: "deployments.apps|ns/web". */
  key(ref: ResourceRef, object: KubeObject): string {
    return `${groupResource(ref)}|${keyOf(object)}`;
  }

  find(key: string, context: ControllerContext): Located | undefined {
    const bar = key.indexOf("|");
    const ref = this.#byName.get(key.slice(0, bar));
    const object = ref && context.informer(ref).get(key.slice(bar + 1));
    return ref && object && { ref, object };
  }

  dependents(uid: string, context: ControllerContext): Located[] {
    return this.refs.flatMap((ref) =>
      context
        .informer(ref)
        .byIndex("ownerUids", uid)
        .map((object) => ({ ref, object })),
    );
  }

  /** The owner a reference means, if the cache shows it. */
  lookUp(reference: OwnerReference, namespace: string | undefined, context: ControllerContext): Located | undefined {
    const ref = this.#byKind.get(`${reference.apiVersion} ${reference.kind}`);
    if (!ref) return undefined;
    const place = ref.namespaced ? namespace : undefined;
    const object = context.informer(ref).get(place ? `${place}/${reference.name}` : reference.name);
    return object?.metadata.uid === reference.uid ? { ref, object } : undefined;
  }

  markGone(uid: string): void {
    this.#gone.set(uid, true);
  }

  /**
   * The owner a reference means, undefined when it is certainly gone. An absent one is asked for at the server first, since
   * caches of different collections advance independently. A kind the collector does not know counts as alive: "unknown".
   */
  async owner(
    reference: OwnerReference,
    namespace: string | undefined,
    context: ControllerContext,
  ): Promise<KubeObject | "unknown" | undefined> {
    const ref = this.#byKind.get(`${reference.apiVersion} ${reference.kind}`);
    // A cluster-wide object cannot be owned by one of a namespace: such a reference proves nothing.
    if (!ref || (ref.namespaced && !namespace)) return "unknown";
    if (this.#gone.has(reference.uid)) return undefined;
    const cached = this.lookUp(reference, namespace, context);
    if (cached) return cached.object;
    const place = ref.namespaced ? namespace : undefined;
    try {
      const live = await context.client.get(ref, reference.name, place);
      if (live.metadata.uid === reference.uid) return live;
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    this.markGone(reference.uid);
    return undefined;
  }
}
