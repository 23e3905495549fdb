/**
 * The storage contract: an ordered key-value store with one revision counter, as etcd has it.
 * Everything above it (API server) is written against this file; `test/contract/storage.ts` runs against every backend.
 *
 * - Revisions start at 1 and rise by one with each successful commit, for the whole store. A key's `revision` is that of
 *   the commit which last wrote it: it is the `resourceVersion` of the object.
 * - A commit is atomic, and durable before its promise resolves: it survives `kill -9` and power loss.
 * - Values are opaque bytes. The object's resourceVersion is not among them: it is the key's revision.
 */
export interface Backend {
  /** The newest committed revision. */
  currentRevision(): Promise<number>;

  /** The record at `key`, or undefined. */
  get(key: string): Promise<KeyValue | undefined>;

  /**
   * The records under a prefix, in key order, all as of one revision.
   * @throws CompactedError when `revision` is older than the last compaction
   * @throws FutureRevisionError when `revision` has not been committed yet
   */
  list(options: ListOptions): Promise<ListResult>;

  /**
   * Applies all operations when every compare holds, else none of them. Never predicts the revision: returns it.
   * Commits are applied in the order of the calls.
   * @throws CompareFailedError with the current record of the first compare that failed
   */
  commit(compares: readonly Compare[], operations: readonly Operation[]): Promise<number>;

  /**
   * All changes under `prefix` with a revision above `fromRevision`, in order, without gap or repeat.
   * Events of one commit, or of several that became durable together, arrive in one `onEvents` call.
   * @throws CompactedError when changes after `fromRevision` are no longer kept
   */
  watch(prefix: string, fromRevision: number, handler: WatchHandler): Promise<Watch>;

  /** Forgets history up to and including `revision`; the newest record of every living key stays. */
  compact(revision: number): Promise<void>;

  close(): Promise<void>;
}

export interface KeyValue {
  key: string;
  value: Buffer;
  /** The revision that last wrote it. */
  revision: number;
}

export interface ListOptions {
  prefix: string;
  /** First key to return (inclusive), for paging. */
  start?: string;
  limit?: number;
  /** Read as of this revision; the newest when absent. */
  revision?: number;
}

export interface ListResult {
  items: KeyValue[];
  /** The revision the list is valid at. */
  revision: number;
  /** True when the limit cut the list. */
  more: boolean;
  /** How many records under the prefix follow the returned ones. */
  remaining: number;
}

/** Holds when the key's revision equals `revision`; 0 means "does not exist". */
export interface Compare {
  key: string;
  revision: number;
}

export type Operation = { type: "put"; key: string; value: Buffer } | { type: "delete"; key: string };

export interface ChangeEvent {
  type: "put" | "delete";
  key: string;
  revision: number;
  /** The new value; absent for a delete. */
  value?: Buffer;
  /** What the key held before; absent when the event creates it. To be read while the event is delivered, not later. */
  readonly previous?: Buffer;
}

export interface WatchHandler {
  onEvents(events: readonly ChangeEvent[]): void;
  /** All changes up to this revision have been delivered, also when none concerned the prefix. */
  onProgress?(revision: number): void;
  /** The watch has ended and delivers nothing more. */
  onError(error: Error): void;
}

export interface Watch {
  close(): void;
}

export class CompareFailedError extends Error {
  constructor(
    readonly key: string,
    readonly current: KeyValue | undefined,
  ) {
    super(`compare failed on ${key}`);
  }
}

export class CompactedError extends Error {
  constructor(readonly compactedRevision: number) {
    super(`the requested revision has been compacted; the oldest kept is ${compactedRevision + 1}`);
  }
}

export class FutureRevisionError extends Error {
  constructor(readonly current: number) {
    super(`the requested revision is larger than the current one, ${current}`);
  }
}
