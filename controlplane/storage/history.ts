/** Reads of the store: the newest state, the state as of an older revision, and the changes in between. */
import {
  type ChangeEvent,
  CompactedError,
  FutureRevisionError,
  type KeyValue,
  type ListOptions,
  type ListResult,
} from "./backend.js";
import { decodeRecord, type Position, type Tables } from "./lmdb-tables.js";

/** Sorts after every key that starts with the prefix: no key has this character. */
const END = "\uffff";

export class History {
  constructor(private readonly tables: Tables) {}

  /** The newest revision whose changes are no longer kept; the state at this revision still is. */
  compacted(): number {
    return this.tables.meta.get("compacted") ?? 0;
  }

  revision(): number {
    return this.tables.meta.get("revision") ?? 0;
  }

  position(key: string): Position | undefined {
    return this.tables.live.get(key);
  }

  get(key: string): KeyValue | undefined {
    const position = this.tables.live.get(key);
    return position && { key, value: this.value(position), revision: position[0] };
  }

  list(options: ListOptions): ListResult {
    const newest = this.revision();
    const revision = options.revision ?? newest;
    if (revision > newest) throw new FutureRevisionError(newest);
    if (revision < this.compacted()) throw new CompactedError(this.compacted());
    const { prefix, start = prefix, limit } = options;
    const found = revision === newest ? this.liveKeys(prefix, start) : this.keysAt(prefix, start, revision, newest);
    const page = limit === undefined ? found : found.slice(0, limit);
    const items = page.map(({ key, position }) => ({ key, value: this.value(position), revision: position[0] }));
    return { items, revision, more: page.length < found.length, remaining: found.length - page.length };
  }

  /**
   * Changes under a prefix with `from < revision <= to`, whole commits only.
   * @param budget how many log entries to look at before stopping after the commit at hand
   * @returns the changes and the revision up to which they are complete
   * @throws CompactedError when the log no longer reaches back to `from`
   */
  changes(prefix: string, from: number, to: number, budget = Number.POSITIVE_INFINITY): Changes {
    if (from < this.compacted()) throw new CompactedError(this.compacted());
    const events: ChangeEvent[] = [];
    let seen = 0;
    let last = from;
    for (const { key, value } of this.tables.log.getRange({ start: [from + 1, 0], end: [to + 1, 0] })) {
      const revision = key[0];
      if (revision !== last && seen >= budget) return { events, complete: last };
      last = revision;
      seen++;
      const record = decodeRecord(value);
      if (!record.key.startsWith(prefix)) continue;
      const previous = record.previous && this.value(record.previous);
      events.push({ type: record.type, key: record.key, revision, value: record.value, previous });
    }
    return { events, complete: to };
  }

  /** The value a version holds. */
  value(position: Position): Buffer {
    const bytes = this.tables.log.get(position);
    if (!bytes) throw new Error(`the store has lost the version ${position.join(".")}: it is damaged`);
    return decodeRecord(bytes).value ?? Buffer.alloc(0);
  }

  private liveKeys(prefix: string, start: string): Found[] {
    const found: Found[] = [];
    for (const { key, value } of this.tables.live.getRange({ start, end: prefix + END })) {
      found.push({ key, position: value });
    }
    return found;
  }

  /** The living keys of an older revision: today's, with every change since taken back. */
  private keysAt(prefix: string, start: string, revision: number, newest: number): Found[] {
    const before = new Map<string, Position | undefined>();
    for (const { value } of this.tables.log.getRange({ start: [revision + 1, 0], end: [newest + 1, 0] })) {
      const { key, previous } = decodeRecord(value);
      if (key.startsWith(prefix) && key >= start && !before.has(key)) before.set(key, previous);
    }
    const found = this.liveKeys(prefix, start).filter(({ key }) => !before.has(key));
    for (const [key, position] of before) if (position) found.push({ key, position });
    return found.sort((a, b) => (a.key < b.key ? -1 : 1));
  }
}

export interface Changes {
  events: ChangeEvent[];
  /** Nothing is missing up to here. */
  complete: number;
}

interface Found {
  key: string;
  position: Position;
}
