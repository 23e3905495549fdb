/** The stores of all kinds, and reads across them for the server's own decisions. */
import type { KubeObject } from "#api/object.js";
import type { ResourceRef } from "#api/resource.js";
import type { Kind } from "#resources/kind.js";
import type { Backend } from "#storage/backend.js";
import type { ClusterReader } from "./cluster-reader.js";
import { removeExpired } from "./expiry.js";
import { ResourceStore } from "./resource-store.js";
import { sourceOf } from "./view-backend.js";

export interface RegistryOptions {
  /** How often watchers are told how far they are. */
  bookmarkMs: number;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Told of what goes wrong in the background. */
  onError(error: Error): void;
}

const EXPIRY_MS = 60_000;

export class Registry implements ClusterReader {
  private readonly stores = new Map<string, ResourceStore>();
  /** Other versions of stored kinds: read into memory when somebody wants them. */
  private readonly unopened = new Map<string, () => Promise<ResourceStore>>();
  private timers: NodeJS.Timeout[] = [];

  static async open(backend: Backend, kinds: readonly Kind[], options: RegistryOptions): Promise<Registry> {
    const registry = new Registry();
    for (const kind of kinds) {
      const open = () => ResourceStore.open(kind, sourceOf(kind, backend), options.onError);
      if (kind.view?.accept) registry.unopened.set(id(kind), open);
      else if (!kind.computed) registry.stores.set(id(kind), await open());
    }
    registry.every(options.bookmarkMs, (store) => store.hub.bookmark());
    registry.every(EXPIRY_MS, (store) => removeExpired(store, options.now()).catch(options.onError));
    return registry;
  }

  private every(intervalMs: number, work: (store: ResourceStore) => unknown): void {
    const timer = setInterval(() => {
      for (const store of this.stores.values()) work(store);
    }, intervalMs);
    timer.unref();
    this.timers.push(timer);
  }

  /** The kind's store, unless it is one that is not opened yet. */
  ready(ref: ResourceRef): ResourceStore | undefined {
    return this.stores.get(id(ref));
  }

  /** The kind's store, opened if it is not yet. */
  async opened(ref: ResourceRef): Promise<ResourceStore> {
    const open = this.unopened.get(id(ref));
    if (!open) return this.store(ref);
    const opening = open();
    this.unopened.set(id(ref), () => opening);
    try {
      const store = await opening;
      this.stores.set(id(ref), store);
      this.unopened.delete(id(ref));
      return store;
    } catch (error) {
      this.unopened.set(id(ref), open);
      throw error;
    }
  }

  store(ref: ResourceRef): ResourceStore {
    const store = this.stores.get(id(ref));
    if (!store) throw new Error(`there is no store for ${id(ref)}`);
    return store;
  }

  get<O extends KubeObject>(ref: ResourceRef<O>, name: string, namespace?: string): O | undefined {
    return this.store(ref).find(name, namespace)?.shared as O | undefined;
  }

  list<O extends KubeObject>(ref: ResourceRef<O>, namespace?: string): readonly O[] {
    const objects: O[] = [];
    this.store(ref).cache.scan(namespace, "", (stored) => objects.push(stored.shared as O) > 0);
    return objects;
  }

  /** @throws Error that names the kinds which cannot be read for now */
  check(): void {
    const failed = [...this.stores].flatMap(([kind, { cache }]) =>
      cache.problem ? [`${kind}: ${cache.problem}`] : [],
    );
    if (failed.length > 0) throw new Error(failed.join("; "));
  }

  close(): void {
    for (const timer of this.timers) clearInterval(timer);
    for (const store of this.stores.values()) store.close();
  }
}

const id = (ref: ResourceRef) => `${ref.group}/${ref.version}/${ref.plural}`;
