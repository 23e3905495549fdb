/** A local, always-current copy of one resource collection: list once, then watch, and relist when the server says 410. */
import { type KubeObject, keyOf, type WatchEvent } from "#api/object.js";
import { groupVersion, type ResourceRef } from "#api/resource.js";
import type { Client } from "./client.js";
import { ObjectStore } from "./object-store.js";
import { Reflector, type ReflectorOptions } from "./reflector.js";

export type InformerOptions = ReflectorOptions;

/** Handlers run after the store has changed. They must not throw and must not block. */
export interface InformerHandler<T extends KubeObject> {
  onAdd?(object: T): void;
  onUpdate?(object: T, old: T): void;
  onDelete?(object: T): void;
}

export interface Informer<T extends KubeObject> {
  /** Resolves after the first list; rejects only when the informer is stopped before. */
  readonly synced: Promise<void>;
  /** The store holds everything that happened up to this resourceVersion. "" before the first list. */
  readonly resourceVersion: string;
  /** @param key see `keyOf` */
  get(key: string): T | undefined;
  list(): readonly T[];
  /** Objects for which the named index function yields `value`; see {@link Informer.addIndex}. */
  byIndex(index: string, value: string): readonly T[];
  addIndex(index: string, values: (object: T) => readonly string[]): void;
  /** Objects already known are replayed to the new handler as adds. */
  addHandler(handler: InformerHandler<T>): void;
  stop(): void;
}

/**
 * Starts following a collection. Objects always carry `apiVersion` and `kind`, and may be frozen and shared: copy before
 * changing. A handler sees an add, then updates in order (only real ones: the resourceVersion differs), then a delete;
 * an object that was deleted and made again while the watch was broken is seen as a delete and an add.
 */
export function startInformer<T extends KubeObject>(
  client: Client,
  ref: ResourceRef<T>,
  options: InformerOptions = {},
): Informer<T> {
  const informer = new ReflectedInformer(client, ref, options);
  informer.start();
  return informer;
}

class ReflectedInformer<T extends KubeObject> implements Informer<T> {
  readonly synced: Promise<void>;
  readonly #store = new ObjectStore<T>();
  readonly #handlers: InformerHandler<T>[] = [];
  readonly #ref: ResourceRef<T>;
  readonly #reflector: Reflector<T>;
  #markSynced: () => void = () => undefined;
  #markStopped: (error: Error) => void = () => undefined;

  constructor(client: Client, ref: ResourceRef<T>, options: InformerOptions) {
    this.#ref = ref;
    this.#reflector = new Reflector(client, ref, options, this);
    this.synced = new Promise((resolve, reject) => {
      this.#markSynced = resolve;
      this.#markStopped = reject;
    });
    // Nobody may be waiting when it is stopped; those who are still see the rejection.
    this.synced.catch(() => undefined);
  }

  start(): void {
    void this.#reflector.run();
  }

  stop(): void {
    this.#reflector.stop();
    this.#markStopped(new Error(`informer of ${this.#ref.plural} was stopped`));
  }

  get resourceVersion(): string {
    return this.#reflector.resourceVersion ?? "";
  }

  get(key: string): T | undefined {
    return this.#store.get(key);
  }

  list(): readonly T[] {
    return this.#store.list();
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.#store.byIndex(index, value);
  }

  addIndex(index: string, values: (object: T) => readonly string[]): void {
    this.#store.addIndex(index, values);
  }

  addHandler(handler: InformerHandler<T>): void {
    this.#handlers.push(handler);
    for (const object of this.#store.list()) handler.onAdd?.(object);
  }

  /** @internal called by the reflector */
  replace(items: readonly T[]): void {
    const gone = new Set(this.#store.keys());
    for (const item of items) {
      gone.delete(keyOf(item));
      this.#put(item);
    }
    for (const key of gone) this.#remove(key);
    this.#markSynced();
  }

  /** @internal called by the reflector */
  apply(event: WatchEvent<T>): void {
    if (event.type === "DELETED") this.#remove(keyOf(event.object), event.object);
    else this.#put(event.object);
  }

  #put(item: T): void {
    const object = item.kind ? item : { ...item, apiVersion: groupVersion(this.#ref), kind: this.#ref.kind };
    const known = this.#store.get(keyOf(object));
    if (known && known.metadata.uid !== object.metadata.uid) this.#remove(keyOf(object));
    const old = this.#store.set(object);
    if (!old) for (const handler of this.#handlers) handler.onAdd?.(object);
    else if (old.metadata.resourceVersion !== object.metadata.resourceVersion)
      for (const handler of this.#handlers) handler.onUpdate?.(object, old);
  }

  #remove(key: string, last?: T): void {
    const known = this.#store.delete(key);
    if (!known) return;
    const object = last?.kind ? last : known;
    for (const handler of this.#handlers) handler.onDelete?.(object);
  }
}
