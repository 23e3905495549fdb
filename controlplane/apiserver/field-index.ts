/** Which objects of a kind carry a value, so that a write can ask whether one is taken without reading all of them. */
import type { KubeObject } from "#api/object.js";
import type { Holders, Indexer } from "#resources/kind.js";

export class FieldIndex {
  private readonly holders = new Map<string, Set<string>>();
  /** What each object is listed under now: its old state need not be parsed to take it out. */
  private readonly values = new Map<string, readonly string[]>();

  constructor(private readonly indexer: Indexer<KubeObject>) {}

  get byValue(): Holders {
    return this.holders;
  }

  /** @param key see `keyOf` */
  set(key: string, object: KubeObject): void {
    this.remove(key);
    const values = this.indexer.values(object);
    if (values.length === 0) return;
    this.values.set(key, values);
    for (const value of values) {
      const keys = this.holders.get(value);
      if (keys) keys.add(key);
      else this.holders.set(value, new Set([key]));
    }
  }

  remove(key: string): void {
    for (const value of this.values.get(key) ?? []) {
      const keys = this.holders.get(value);
      if (keys?.delete(key) && keys.size === 0) this.holders.delete(value);
    }
    this.values.delete(key);
  }

  clear(): void {
    this.holders.clear();
    this.values.clear();
  }
}
