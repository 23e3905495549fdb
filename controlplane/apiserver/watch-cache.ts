/**
 * All objects of one kind in memory, kept current by a watch on the store. Every read of the API is answered here.
 *
 * Reads are strongly consistent: a write waits with {@link WatchCache.reached} until its revision has been applied before
 * it answers. With the embedded store that has happened by the time the commit resolves.
 *
 * When the store ends the watch, reads fail until everything has been read anew.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { KubeObject } from "#api/object.js";
import { internalError } from "#api/status-error.js";
import { backoffDelay } from "#client/backoff.js";
import type { Holders, Indexer } from "#resources/kind.js";
import type { Backend, ChangeEvent, Watch } from "#storage/backend.js";
import { FieldIndex } from "./field-index.js";
import { SortedKeys } from "./sorted-keys.js";
import { type ObjectCodec, StoredObject } from "./stored-object.js";
import { CacheEvent } from "./watch-cache-event.js";
import { EventWindow, type WindowBounds } from "./watch-cache-window.js";

/** Objects read from the store at a time while a cache fills. */
const PAGE = 500;

/** Between attempts to follow a store again that ended the watch. */
const REOPENING = { base: 100, max: 10_000, jitter: 0.5 };

interface Written {
  readonly value: KubeObject;
  stored?: StoredObject;
}

export interface WatchCacheOptions {
  bounds?: WindowBounds;
  /** What each index lists an object under. */
  indexes?: Readonly<Record<string, Indexer<KubeObject>>>;
  /** The store has ended the watch, or could not be followed again yet. */
  onError?(error: Error): void;
}

/** Told of what the cache has just applied; must not throw. */
export type CacheListener = (events: readonly CacheEvent[]) => void;

export class WatchCache {
  /** Every change up to here has been applied. It moves with the whole store, not only with this kind. */
  revision = 0;
  /** The revision of this kind's newest change. */
  lastChange = 0;
  window = new EventWindow(0);
  private readonly objects = new Map<string, StoredObject>();
  private keys = new SortedKeys();
  private readonly indexes: ReadonlyMap<string, FieldIndex>;
  private readonly listeners = new Set<CacheListener>();
  private readonly refilledListeners = new Set<() => void>();
  private waiting: { revision: number; resolve(): void }[] = [];
  private failure: Error | undefined;
  private closed = false;
  private watch: Watch | undefined;
  /** Objects on their way to the store, by their stored bytes: they need not be parsed again. */
  private readonly written = new Map<Buffer, Written>();

  private constructor(
    private readonly backend: Backend,
    readonly prefix: string,
    private readonly codec: ObjectCodec,
    private readonly options: WatchCacheOptions,
  ) {
    const { indexes = {} } = options;
    this.indexes = new Map(Object.entries(indexes).map(([name, indexer]) => [name, new FieldIndex(indexer)]));
  }

  /** @param prefix of the kind's keys in the store; what follows it is the object's key (`keyOf`) */
  static async open(
    backend: Backend,
    prefix: string,
    codec: ObjectCodec,
    options: WatchCacheOptions = {},
  ): Promise<WatchCache> {
    const cache = new WatchCache(backend, prefix, codec, options);
    await cache.follow();
    return cache;
  }

  /** Why it cannot be read for now. */
  get problem(): Error | undefined {
    return this.failure;
  }

  get size(): number {
    return this.objects.size;
  }

  /** @param key see `keyOf` */
  get(key: string): StoredObject | undefined {
    if (this.failure) throw internalError(this.failure.message);
    return this.objects.get(key);
  }

  /** What carries which value, by the index of this name. */
  index(name: string): Holders {
    if (this.failure) throw internalError(this.failure.message);
    const index = this.indexes.get(name);
    if (!index) throw new Error(`${this.prefix} has no index ${name}`);
    return index.byValue;
  }

  /** Visits the namespace's objects in key order, from `start` (inclusive), until `visit` returns false. */
  scan(namespace: string | undefined, start: string, visit: (object: StoredObject) => boolean): void {
    if (this.failure) throw internalError(this.failure.message);
    const prefix = namespace === undefined ? "" : `${namespace}/`;
    this.keys.scan(start > prefix ? start : prefix, (key) => {
      return key.startsWith(prefix) && visit(this.objects.get(key)!);
    });
  }

  /** How many keys of the namespace lie at or after `start`. */
  count(namespace: string | undefined, start = ""): number {
    const prefix = namespace === undefined ? "" : `${namespace}/`;
    return this.keys.count(start > prefix ? start : prefix, namespace === undefined ? undefined : `${namespace}0`);
  }

  /**
   * Announces the value behind bytes that `commit` stores.
   * @param commit resolves once its revision has been reached
   * @returns what they have become
   */
  async announce(bytes: Buffer, value: KubeObject, commit: () => Promise<void>): Promise<StoredObject> {
    const entry: Written = { value };
    this.written.set(bytes, entry);
    try {
      await commit();
    } finally {
      this.written.delete(bytes);
    }
    if (!entry.stored) throw internalError(this.failure?.message ?? "the store has lost a commit");
    return entry.stored;
  }

  /** Resolves when everything up to `revision` has been applied, or can not be for now. */
  async reached(revision: number): Promise<void> {
    if (this.revision >= revision || this.failure) return;
    await new Promise<void>((resolve) => this.waiting.push({ revision, resolve }));
  }

  listen(listener: CacheListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Calls back when everything has been read anew: events were missed, and who lives by them must begin again. */
  onRefilled(listener: () => void): void {
    this.refilledListeners.add(listener);
  }

  /** One change of the store's log as an event of this kind. */
  toEvent(change: ChangeEvent): CacheEvent {
    const key = change.key.slice(this.prefix.length);
    const { previous: before } = change;
    const previous = before && new StoredObject(key, 0, this.codec.splice(before, 0), this.codec);
    const current = change.value && this.stored(key, change.revision, change.value);
    return new CacheEvent(change.revision, current, previous);
  }

  close(): void {
    this.closed = true;
    this.watch?.close();
    this.failure ??= new Error("the server is shutting down");
    this.listeners.clear();
  }

  /** Reads everything, and then the changes as they come. */
  private async follow(): Promise<void> {
    // All at one moment: who lives by events must not be told of a revision whose events he has missed.
    const revision = await this.fill();
    this.revision = revision;
    this.lastChange = revision;
    this.window = new EventWindow(revision, this.options.bounds);
    for (const listener of this.refilledListeners) listener();
    const watch = await this.backend.watch(this.prefix, revision, {
      onEvents: (events) => this.apply(events),
      onProgress: (revision) => this.progress(revision),
      onError: (error) => this.fail(error),
    });
    if (this.closed) watch.close();
    else this.watch = watch;
  }

  /** @returns the revision of what is now here */
  private async fill(): Promise<number> {
    this.objects.clear();
    this.keys = new SortedKeys();
    for (const index of this.indexes.values()) index.clear();
    let start: string | undefined;
    let revision: number | undefined;
    for (;;) {
      const page = await this.backend.list({ prefix: this.prefix, start, limit: PAGE, revision });
      revision = page.revision;
      for (const { key, value, revision } of page.items) {
        this.put(this.stored(key.slice(this.prefix.length), revision, value));
      }
      if (!page.more) return revision;
      start = `${page.items.at(-1)!.key}\0`;
    }
  }

  private apply(changes: readonly ChangeEvent[]): void {
    const events = changes.map((change) => {
      const key = change.key.slice(this.prefix.length);
      const previous = this.objects.get(key);
      const current = change.value && this.stored(key, change.revision, change.value);
      if (current) this.put(current);
      else this.remove(key);
      return new CacheEvent(change.revision, current, previous);
    });
    for (const event of events) this.window.add(event);
    this.lastChange = events.at(-1)!.revision;
    this.progress(this.lastChange);
    for (const listener of this.listeners) listener(events);
  }

  private progress(revision: number): void {
    if (revision <= this.revision) return;
    this.revision = revision;
    if (this.waiting.length === 0) return;
    const reached = this.waiting.filter((waiter) => waiter.revision <= revision);
    this.waiting = this.waiting.filter((waiter) => waiter.revision > revision);
    for (const { resolve } of reached) resolve();
  }

  private stored(key: string, revision: number, bytes: Buffer): StoredObject {
    const announced = this.written.get(bytes);
    if (announced) announced.value.metadata.resourceVersion = String(revision);
    const complete = this.codec.splice(bytes, revision);
    const stored = new StoredObject(key, revision, complete, this.codec, announced?.value);
    if (announced) announced.stored = stored;
    return stored;
  }

  private put(object: StoredObject): void {
    if (!this.objects.has(object.key)) this.keys.add(object.key);
    this.objects.set(object.key, object);
    for (const index of this.indexes.values()) index.set(object.key, object.object);
  }

  private remove(key: string): void {
    if (!this.objects.delete(key)) return;
    this.keys.remove(key);
    for (const index of this.indexes.values()) index.remove(key);
  }

  private fail(error: Error): void {
    if (this.closed) return;
    const isFirst = this.failure === undefined;
    this.failure = error;
    for (const { resolve } of this.waiting) resolve();
    this.waiting = [];
    if (isFirst) void this.reopen();
    this.options.onError?.(error);
  }

  private async reopen(): Promise<void> {
    for (let attempt = 0; !this.closed; attempt++) {
      await sleep(backoffDelay(attempt, REOPENING), undefined, { ref: false });
      if (this.closed) return;
      const before = this.failure;
      try {
        await this.follow();
      } catch (error) {
        this.failure = error as Error;
        this.options.onError?.(this.failure);
        continue;
      }
      // The new watch may have ended already.
      if (this.closed || this.failure !== before) continue;
      this.failure = undefined;
      return;
    }
  }
}
