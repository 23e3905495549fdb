import type { KubeObject } from "#api/object.js";
import type { Informer } from "#client/informer.js";

interface Writes {
  /** The newest resourceVersion this controller caused under the key. */
  resourceVersion: number;
  /** uid → key of objects removed for good, of which no later version tells. */
  removed: Map<string, string>;
}

/**
 * What a controller wrote and its informer may not have shown yet. A reconcile that would count objects from a cache older
 * than its own writes waits instead: the events of those writes bring the key back. It rests on the one rising
 * resourceVersion of the store, so it holds however late a watch is, and costs nothing once the cache caught up.
 */
export class OwnWrites {
  readonly #writes = new Map<string, Writes>();

  /** The server answered a create, update, patch or graceful delete with this object. */
  wrote(key: string, object: KubeObject): void {
    const writes = this.#of(key);
    writes.resourceVersion = Math.max(writes.resourceVersion, Number(object.metadata.resourceVersion));
  }

  /** The server removed the object at once. */
  removed(key: string, object: KubeObject, objectKey: string): void {
    this.#of(key).removed.set(object.metadata.uid, objectKey);
  }

  /** True when the informer shows all of the key's writes. */
  seen<T extends KubeObject>(key: string, informer: Informer<T>): boolean {
    const writes = this.#writes.get(key);
    if (!writes) return true;
    if (Number(informer.resourceVersion) < writes.resourceVersion) return false;
    for (const [uid, objectKey] of writes.removed) {
      if (informer.get(objectKey)?.metadata.uid === uid) return false;
    }
    this.#writes.delete(key);
    return true;
  }

  /** The key's object is no more. */
  forget(key: string): void {
    this.#writes.delete(key);
  }

  #of(key: string): Writes {
    let writes = this.#writes.get(key);
    if (!writes) {
      writes = { resourceVersion: 0, removed: new Map() };
      this.#writes.set(key, writes);
    }
    return writes;
  }
}
