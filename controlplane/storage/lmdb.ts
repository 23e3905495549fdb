/** The default store: LMDB in one directory (0700, files 0600), owned by one process. Semantics: see `backend.ts`. */
import type { Backend, Compare, KeyValue, ListOptions, ListResult, Operation, Watch, WatchHandler } from "./backend.js";
import { ChangeFeed } from "./change-feed.js";
import { CommitQueue } from "./commit-queue.js";
import { History } from "./history.js";
import { closeTables, openTables, type Tables } from "./lmdb-tables.js";
import { sweep } from "./sweep.js";

/** @throws Error when another process has the directory open */
export function openLmdb(directory: string): Backend {
  return new LmdbBackend(openTables(directory), directory);
}

class LmdbBackend implements Backend {
  private readonly history: History;
  private readonly feed: ChangeFeed;
  private readonly commits: CommitQueue;
  private sweeping: Promise<void> = Promise.resolve();

  constructor(
    private readonly tables: Tables,
    private readonly directory: string,
  ) {
    this.history = new History(tables);
    this.feed = new ChangeFeed(this.history);
    this.commits = new CommitQueue(tables, this.history, (batch) => this.feed.publish(batch));
  }

  async currentRevision(): Promise<number> {
    return this.history.revision();
  }

  async get(key: string): Promise<KeyValue | undefined> {
    return this.history.get(key);
  }

  async list(options: ListOptions): Promise<ListResult> {
    return this.history.list(options);
  }

  commit(compares: readonly Compare[], operations: readonly Operation[]): Promise<number> {
    return this.commits.commit(compares, operations);
  }

  async watch(prefix: string, fromRevision: number, handler: WatchHandler): Promise<Watch> {
    return this.feed.follow(prefix, fromRevision, handler);
  }

  async compact(revision: number): Promise<void> {
    const previous = this.sweeping;
    this.sweeping = previous.then(() => sweep(this.tables, Math.min(revision, this.history.revision())));
    await this.sweeping;
  }

  async close(): Promise<void> {
    await this.commits.close();
    await this.sweeping.catch(() => undefined);
    this.feed.end(new Error("the store is closed"));
    await closeTables(this.tables, this.directory);
  }
}
