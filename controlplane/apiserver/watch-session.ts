/**
 * One watch from its start to its end: initial objects, then the events since, from the cache's window or, when those
 * are no longer in memory, from the store's log; once nothing is missing it joins the live channel.
 */
import { gone, internalError } from "#api/status-error.js";
import { type Backend, type ChangeEvent, CompactedError, type Watch } from "#storage/backend.js";
import type { StreamSink } from "./request.js";
import { type Selection, visitSelected } from "./selection.js";
import type { WatchCache } from "./watch-cache.js";
import type { SelectedEvent } from "./watch-cache-event.js";
import type { Delivery, WatchEncoder } from "./watch-encoder.js";
import type { LiveWatcher, WatchHub } from "./watch-hub.js";

export interface SessionOptions {
  readonly cache: WatchCache;
  readonly hub: WatchHub;
  readonly backend: Backend;
  readonly selection: Selection;
  readonly encoder: WatchEncoder;
  readonly bookmarks: boolean;
  /** Where to begin: after a revision, or with the objects there are. */
  readonly from: number | "existing" | "now";
  /** A bookmark marks the end of the initial objects. */
  readonly markInitialEnd: boolean;
  readonly timeoutMs: number;
}

/** Bytes of initial events sent between two looks at whether the client keeps up. */
const SLICE = 256 * 1024;

export class WatchSession implements LiveWatcher {
  readonly bookmarks: boolean;
  private delivered = 0;
  private ended = false;
  private leave: (() => void) | undefined;
  private log: Watch | undefined;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly sink: StreamSink,
    private readonly options: SessionOptions,
  ) {
    this.bookmarks = options.bookmarks;
    this.timer = setTimeout(() => this.end(), options.timeoutMs);
    this.run().catch((error: unknown) => this.fail(error));
  }

  deliver(delivery: Delivery): void {
    if (!this.ended && !delivery.to(this.sink)) this.end();
  }

  /** Ends the watch from the server's side. */
  end(): void {
    if (this.ended) return;
    this.stop();
    this.sink.end();
  }

  /** The client is gone. */
  stop(): void {
    this.ended = true;
    clearTimeout(this.timer);
    this.leave?.();
    this.log?.close();
  }

  private async run(): Promise<void> {
    const { from, cache } = this.options;
    this.delivered = typeof from === "number" ? from : cache.revision;
    if (from === "existing") await this.sendExisting();
    if (!this.ended) await this.catchUp();
  }

  private async sendExisting(): Promise<void> {
    const { cache, selection, encoder, markInitialEnd, bookmarks } = this.options;
    const added: SelectedEvent[] = [];
    visitSelected(cache, selection, "", (object) => added.push({ type: "ADDED", object }) > 0);
    await this.sendSlices(added);
    if (markInitialEnd && bookmarks) this.deliver(encoder.bookmark(this.delivered, true));
  }

  private async catchUp(): Promise<void> {
    const { cache, hub, selection, encoder } = this.options;
    while (!this.ended) {
      if (this.delivered === cache.revision) {
        this.leave = hub.join(this, selection, encoder);
        return;
      }
      // The log may have been read further than the cache has got: what the cache will yet apply must not come twice.
      const missing = this.delivered > cache.revision ? undefined : cache.window.after(this.delivered);
      if (!missing) return this.followLog();
      const upTo = cache.revision;
      await this.sendSlices(missing.flatMap((event) => event.for(selection) ?? []));
      this.delivered = upTo;
    }
  }

  private async sendSlices(events: readonly SelectedEvent[]): Promise<void> {
    for (let from = 0; from < events.length && !this.ended; ) {
      let to = from;
      for (let size = 0; to < events.length && size < SLICE; to++) size += events[to]!.object.bytes.length;
      this.deliver(this.options.encoder.events(events.slice(from, to)));
      from = to;
      if (from < events.length) await this.sink.drained?.();
    }
  }

  private async followLog(): Promise<void> {
    const { backend, cache } = this.options;
    const watch = await backend.watch(cache.prefix, this.delivered, {
      onEvents: (changes) => this.deliverChanges(changes),
      onProgress: (revision) => {
        this.delivered = Math.max(this.delivered, revision);
        if (!this.log || this.delivered > cache.revision || !cache.window.after(this.delivered)) return;
        this.log.close();
        this.log = undefined;
        this.catchUp().catch((error: unknown) => this.fail(error));
      },
      onError: (error) => this.fail(error),
    });
    if (this.ended) watch.close();
    else this.log = watch;
  }

  private deliverChanges(changes: readonly ChangeEvent[]): void {
    const { cache, selection, encoder } = this.options;
    const selected = changes.flatMap((change) => cache.toEvent(change).for(selection) ?? []);
    if (selected.length > 0) this.deliver(encoder.events(selected));
    this.delivered = Math.max(this.delivered, changes.at(-1)!.revision);
  }

  private fail(error: unknown): void {
    if (this.ended) return;
    const status =
      error instanceof CompactedError
        ? gone(`too old resource version: ${this.delivered} (${error.compactedRevision})`)
        : internalError(error instanceof Error ? error.message : String(error));
    this.deliver(this.options.encoder.error(status));
    this.end();
  }
}
