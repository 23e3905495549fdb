/**
 * The store as a kind sees it that is a view of another: the other's records under keys of its own, each turned into what is
 * shown of it. What lies above (cache, lists, watches, history) is the same as for kinds that are stored.
 */
import type { KubeObject } from "#api/object.js";
import type { Kind, View } from "#resources/kind.js";
import type { Backend, ChangeEvent, KeyValue } from "#storage/backend.js";
import { storagePrefix } from "./resource-store.js";
import { ObjectCodec } from "./stored-object.js";

/** Where the kind's objects come from. */
export const sourceOf = (kind: Kind, backend: Backend): Backend =>
  kind.view ? new ViewBackend(kind, kind.view, backend) : backend;

class ViewBackend implements Backend {
  readonly #codec: ObjectCodec;
  readonly #shown: string;
  readonly #stored: string;

  constructor(
    kind: Kind,
    private readonly view: View<KubeObject>,
    private readonly backend: Backend,
  ) {
    this.#codec = new ObjectCodec(kind);
    this.#shown = storagePrefix(kind);
    this.#stored = storagePrefix(view.of);
  }

  currentRevision() {
    return this.backend.currentRevision();
  }

  async get(key: string) {
    const record = await this.backend.get(this.#storedKey(key));
    return record && this.#record(record);
  }

  async list({ prefix, start, ...rest }: Parameters<Backend["list"]>[0]) {
    const from = start === undefined ? undefined : this.#storedKey(start);
    const result = await this.backend.list({ prefix: this.#storedKey(prefix), start: from, ...rest });
    return { ...result, items: result.items.map((record) => this.#record(record)) };
  }

  watch(prefix: string, fromRevision: number, handler: Parameters<Backend["watch"]>[2]) {
    return this.backend.watch(this.#storedKey(prefix), fromRevision, {
      onError: (error) => handler.onError(error),
      onProgress: (revision) => handler.onProgress?.(revision),
      onEvents: (changes) => {
        const shown = changes.flatMap((change) => this.#change(change) ?? []);
        if (shown.length > 0) handler.onEvents(shown);
        const last = changes.at(-1)?.revision ?? 0;
        if (last > (shown.at(-1)?.revision ?? 0)) handler.onProgress?.(last);
      },
    });
  }

  commit(): Promise<number> {
    return Promise.reject(new Error(`${this.#shown} is a view of ${this.#stored} and takes no writes`));
  }

  compact(revision: number) {
    return this.backend.compact(revision);
  }

  close() {
    return this.backend.close();
  }

  #storedKey(key: string): string {
    return this.#stored + key.slice(this.#shown.length);
  }

  #shownKey(key: string): string {
    return this.#shown + key.slice(this.#stored.length);
  }

  #record({ key, value, revision }: KeyValue): KeyValue {
    return { key: this.#shownKey(key), value: this.#project(value), revision };
  }

  /** Undefined when nothing of it shows. */
  #change({ type, key, revision, value, previous }: ChangeEvent): ChangeEvent | undefined {
    const now = value && this.#project(value);
    const before = previous && this.#project(previous);
    if (now && before?.equals(now)) return undefined;
    return { type, key: this.#shownKey(key), revision, value: now, previous: before };
  }

  #project(value: Buffer): Buffer {
    return this.#codec.encode(this.view.project(JSON.parse(value.toString()) as KubeObject) as KubeObject);
  }
}
