/**
 * Group commit: while one batch is being flushed to disk the next gathers, and all its commits become durable together.
 * Compares are decided when `commit` is called, against the newest state including what is still on its way to disk, so
 * a batch holds only commits that succeed.
 */
import { LRUCache } from "lru-cache";
import { type ChangeEvent, type Compare, CompareFailedError, type Operation } from "./backend.js";
import type { History } from "./history.js";
import { encodeRecord, type LogRecord, type Position, type Tables } from "./lmdb-tables.js";

interface PendingCommit {
  revision: number;
  records: LogRecord[];
  resolve(revision: number): void;
  reject(error: Error): void;
}

interface Unflushed {
  /** Absent: deleted. */
  position: Position | undefined;
  revision: number;
  /** Resolves when the commit is durable, or has failed. */
  settled: Promise<void>;
}

const ignore = () => undefined;

function deferred() {
  let resolve!: (revision: number) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<number>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** What has become durable together. */
export interface Batch {
  records: readonly { record: LogRecord; revision: number }[];
  revision: number;
}

export class CommitQueue {
  private waiting: PendingCommit[] = [];
  private flushing: Promise<void> | undefined;
  private closed = false;
  /** The newest version of keys whose commit is not durable yet. */
  private readonly unflushed = new Map<string, Unflushed>();
  /** Where durable versions lie that were looked up or written not long ago: a namespace is compared by every create in it. */
  private readonly recent = new LRUCache<string, Position>({ max: 1000 });
  private lastAssigned: number;

  /** @param onDurable is called once per batch, before the promises of its commits resolve */
  constructor(
    private readonly tables: Tables,
    private readonly history: History,
    private readonly onDurable: (batch: Batch) => void,
  ) {
    this.lastAssigned = history.revision();
  }

  async commit(compares: readonly Compare[], operations: readonly Operation[]): Promise<number> {
    if (this.closed) throw new Error("the store is closed");
    const known = new Map<string, Position | undefined>();
    for (const { key, revision } of compares) {
      const position = this.newest(key);
      known.set(key, position);
      if ((position?.[0] ?? 0) === revision) continue;
      // The winner must be visible before the loser hears of it: else its retry would fail the same way.
      await this.unflushed.get(key)?.settled;
      throw new CompareFailedError(key, this.history.get(key));
    }
    const { promise, ...settle } = deferred();
    const revision = ++this.lastAssigned;
    const settled = promise.then(ignore, ignore);
    const records = operations.map((operation, index) => {
      const record = this.apply(operation, [revision, index], settled, known);
      known.delete(operation.key);
      return record;
    });
    this.waiting.push({ revision, records, ...settle });
    this.flushing ??= this.flush();
    return promise;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.flushing;
  }

  private newest(key: string): Position | undefined {
    const pending = this.unflushed.get(key);
    if (pending) return pending.position;
    let position = this.recent.get(key);
    if (!position) {
      position = this.history.position(key);
      if (position) this.recent.set(key, position);
    }
    return position;
  }

  /** @param known positions looked up for the compares of the same commit */
  private apply(
    operation: Operation,
    position: Position,
    settled: Promise<void>,
    known: ReadonlyMap<string, Position | undefined>,
  ): LogRecord {
    const { type, key } = operation;
    const previous = known.has(key) ? known.get(key) : this.newest(key);
    this.unflushed.set(key, { position: type === "put" ? position : undefined, revision: position[0], settled });
    return { type, key, previous, value: type === "put" ? operation.value : undefined };
  }

  private async flush(): Promise<void> {
    // All commits made in this turn of the event loop share the first flush.
    await new Promise(setImmediate);
    while (this.waiting.length > 0) {
      const batch = this.waiting;
      this.waiting = [];
      try {
        await this.write(batch);
      } catch (error) {
        this.giveUp(batch, error as Error);
        continue;
      }
      this.settle(batch);
    }
    this.flushing = undefined;
  }

  private async write(batch: readonly PendingCommit[]): Promise<void> {
    const { root, log, live, meta } = this.tables;
    await root.batch(() => {
      for (const { revision, records } of batch) {
        records.forEach((record, index) => {
          // A delete of an absent key is a revision without a change.
          if (record.type === "delete" && !record.previous) return;
          void log.put([revision, index], encodeRecord(record));
          void (record.type === "put" ? live.put(record.key, [revision, index]) : live.remove(record.key));
        });
      }
      void meta.put("revision", batch[batch.length - 1]!.revision);
    });
  }

  private settle(batch: readonly PendingCommit[]): void {
    const revision = batch[batch.length - 1]!.revision;
    const records = batch.flatMap((commit) => commit.records.map((record) => ({ record, revision: commit.revision })));
    for (const { record } of records) {
      const pending = this.unflushed.get(record.key);
      if (!pending || pending.revision > revision) continue;
      this.unflushed.delete(record.key);
      if (pending.position) this.recent.set(record.key, pending.position);
      else this.recent.delete(record.key);
    }
    this.onDurable({ records: records.filter(({ record }) => record.type === "put" || record.previous), revision });
    for (const commit of batch) commit.resolve(commit.revision);
  }

  /** A failed flush (full disk) takes everything decided after it along, since it was decided on top of it. */
  private giveUp(batch: readonly PendingCommit[], error: Error): void {
    const failed = [...batch, ...this.waiting];
    this.waiting = [];
    this.unflushed.clear();
    this.recent.clear();
    this.lastAssigned = this.history.revision();
    for (const commit of failed) commit.reject(new Error(`the store could not be written: ${error.message}`));
  }
}

export function toEvents(batch: Batch, prefix: string, history: History): ChangeEvent[] {
  const events: ChangeEvent[] = [];
  for (const { record, revision } of batch.records) {
    if (record.key.startsWith(prefix)) events.push(toEvent(record, revision, history));
  }
  return events;
}

function toEvent({ type, key, value, previous }: LogRecord, revision: number, history: History): ChangeEvent {
  // Most followers keep the state themselves: what was before is read for those who ask.
  return {
    ...{ type, key, revision, value },
    get previous() {
      return previous && history.value(previous);
    },
  };
}
