import type { KubeObject } from "#api/object.js";
import { keyOf } from "#api/object.js";

interface Index<T> {
  values(object: T): readonly string[];
  /** Index value → object key → object. */
  readonly entries: Map<string, Map<string, T>>;
}

/** What an informer knows: objects by key, and by the values of named indexes. */
export class ObjectStore<T extends KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #indexes = new Map<string, Index<T>>();
  #snapshot: readonly T[] | undefined;

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  keys(): string[] {
    return [...this.#objects.keys()];
  }

  /** The same array until something changes. */
  list(): readonly T[] {
    this.#snapshot ??= [...this.#objects.values()];
    return this.#snapshot;
  }

  byIndex(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name);
    if (!index) throw new Error(`no index named ${name}`);
    const found = index.entries.get(value);
    return found ? [...found.values()] : [];
  }

  addIndex(name: string, values: (object: T) => readonly string[]): void {
    const index: Index<T> = { values, entries: new Map() };
    this.#indexes.set(name, index);
    for (const [key, object] of this.#objects) enter(index, key, object);
  }

  /** @returns the object that was there before */
  set(object: T): T | undefined {
    const key = keyOf(object);
    const old = this.#objects.get(key);
    this.#objects.set(key, object);
    this.#snapshot = undefined;
    for (const index of this.#indexes.values()) {
      if (old) leave(index, key, old);
      enter(index, key, object);
    }
    return old;
  }

  /** @returns the object that was there */
  delete(key: string): T | undefined {
    const old = this.#objects.get(key);
    if (!old) return undefined;
    this.#objects.delete(key);
    this.#snapshot = undefined;
    for (const index of this.#indexes.values()) leave(index, key, old);
    return old;
  }
}

function enter<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.values(object)) {
    const entries = index.entries.get(value);
    if (entries) entries.set(key, object);
    else index.entries.set(value, new Map([[key, object]]));
  }
}

function leave<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.values(object)) {
    const entries = index.entries.get(value);
    entries?.delete(key);
    if (entries?.size === 0) index.entries.delete(value);
  }
}
