/** The watches of a store: each first catches up from the log, in slices, and then receives every durable batch. */
import { CompactedError, type Watch, type WatchHandler } from "./backend.js";
import { type Batch, toEvents } from "./commit-queue.js";
import type { History } from "./history.js";

/** Log entries a catching-up watch looks at before other work may run. */
const SLICE = 500;

interface Follower {
  prefix: string;
  handler: WatchHandler;
  /** Everything up to here has been delivered. */
  delivered: number;
  live: boolean;
}

export class ChangeFeed {
  private readonly followers = new Set<Follower>();

  constructor(private readonly history: History) {}

  /** @throws CompactedError when the log does not reach back to `fromRevision` */
  follow(prefix: string, fromRevision: number, handler: WatchHandler): Watch {
    const compacted = this.history.compacted();
    if (fromRevision < compacted) throw new CompactedError(compacted);
    const follower: Follower = { prefix, handler, delivered: fromRevision, live: false };
    this.followers.add(follower);
    void this.catchUp(follower);
    return { close: () => void this.followers.delete(follower) };
  }

  publish(batch: Batch): void {
    for (const follower of this.followers) {
      if (follower.live && batch.revision > follower.delivered) {
        this.deliver(follower, () => ({
          events: toEvents(batch, follower.prefix, this.history),
          complete: batch.revision,
        }));
      }
    }
  }

  /** Ends every watch with `error`. */
  end(error: Error): void {
    for (const { handler } of this.followers) handler.onError(error);
    this.followers.clear();
  }

  private async catchUp(follower: Follower): Promise<void> {
    while (this.followers.has(follower) && !follower.live) {
      await new Promise(setImmediate);
      if (!this.followers.has(follower)) return;
      const newest = this.history.revision();
      if (follower.delivered < newest) {
        this.deliver(follower, () => this.history.changes(follower.prefix, follower.delivered, newest, SLICE));
      }
      follower.live = follower.delivered >= newest;
    }
  }

  /** Hands on what `read` finds; an error ends the watch, also one thrown by the handler. */
  private deliver(
    follower: Follower,
    read: () => { events: Parameters<WatchHandler["onEvents"]>[0]; complete: number },
  ) {
    try {
      const { events, complete } = read();
      const wanted = events.filter((event) => event.revision > follower.delivered);
      follower.delivered = complete;
      if (wanted.length > 0) follower.handler.onEvents(wanted);
      follower.handler.onProgress?.(complete);
    } catch (error) {
      this.followers.delete(follower);
      follower.handler.onError(error as Error);
    }
  }
}
