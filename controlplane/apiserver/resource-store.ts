/** One kind's objects: reads from its cache, writes to the store, its watchers. Knows nothing of defaults or validation. */
import { type KubeObject, keyOf } from "#api/object.js";
import { groupResource, type ResourceRef } from "#api/resource.js";
import { tooLarge } from "#api/status-error.js";
import type { Kind } from "#resources/kind.js";
import type { Backend, Compare, Operation } from "#storage/backend.js";
import { ListBytes } from "./list-bytes.js";
import { Mutex } from "./mutex.js";
import { ObjectCodec, StoredObject } from "./stored-object.js";
import { WatchCache } from "./watch-cache.js";
import { WatchHub } from "./watch-hub.js";

/** As etcd has it. */
const SIZE_LIMIT = 1.5 * 1024 * 1024;

/** What the keys of a kind's objects begin with. */
export const storagePrefix = (ref: ResourceRef) => `/registry/${groupResource(ref)}/`;

export class ResourceStore {
  readonly hub: WatchHub;
  readonly listBytes = new ListBytes();
  /** Held from allocation to commit by kinds that allocate (see `AdmissionHooks.allocate`). */
  readonly lock = new Mutex();

  private constructor(
    readonly kind: Kind,
    readonly backend: Backend,
    readonly cache: WatchCache,
    readonly codec: ObjectCodec,
  ) {
    this.hub = new WatchHub(cache);
  }

  /** @param onError told when the store can not be followed; it is tried again */
  static async open(kind: Kind, backend: Backend, onError?: (error: Error) => void): Promise<ResourceStore> {
    const codec = new ObjectCodec(kind);
    const cache = await WatchCache.open(backend, storagePrefix(kind), codec, { indexes: kind.indexes, onError });
    return new ResourceStore(kind, backend, cache, codec);
  }

  find(name: string, namespace?: string): StoredObject | undefined {
    return this.cache.get(this.kind.namespaced ? `${namespace}/${name}` : name);
  }

  storageKey(object: StoredObject): string {
    return this.cache.prefix + object.key;
  }

  /**
   * Stores a new state of an object; an equal state is not stored again. The object is kept: do not change it afterwards.
   * @param old the state it was made from; absent for a creation
   * @param conditions must hold besides
   * @throws CompareFailedError when the object, or what a condition speaks of, has changed
   */
  async put(
    object: KubeObject,
    old: StoredObject | undefined,
    conditions: readonly Compare[] = [],
  ): Promise<StoredObject> {
    const key = this.cache.prefix + keyOf(object);
    dropUndefined(object);
    const value = this.codec.encode(object);
    if (value.length > SIZE_LIMIT) throw tooLarge("etcdserver: request is too large");
    if (old && this.codec.isSame(value, old)) return old;
    const compares = [{ key, revision: old?.revision ?? 0 }, ...conditions];
    return this.cache.announce(value, object, () => this.commit(compares, [{ type: "put", key, value }]));
  }

  /** An object as it would be stored: the answer to a dry run. @param revision 0: it has none yet */
  unstored(object: KubeObject, revision: number): StoredObject {
    const stored = this.codec.encode(object);
    const bytes = revision > 0 ? this.codec.splice(stored, revision) : stored;
    return new StoredObject(keyOf(object), revision, bytes, this.codec);
  }

  /** @throws CompareFailedError when the object has changed */
  async delete(old: StoredObject): Promise<void> {
    const key = this.storageKey(old);
    await this.commit([{ key, revision: old.revision }], [{ type: "delete", key }]);
  }

  close(): void {
    this.hub.close();
    this.cache.close();
  }

  private async commit(compares: readonly Compare[], operations: readonly Operation[]): Promise<void> {
    const revision = await this.backend.commit(compares, operations);
    await this.cache.reached(revision);
  }
}

/** What readers get must be what a reader of the bytes gets, so a property that is undefined may not stay. */
function dropUndefined(value: unknown): void {
  for (const key in value as Record<string, unknown>) {
    const inner = (value as Record<string, unknown>)[key];
    if (inner === undefined) delete (value as Record<string, unknown>)[key];
    else if (typeof inner === "object" && inner !== null) dropUndefined(inner);
  }
}
