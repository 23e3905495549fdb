/**
 * The live watchers of one kind. Watchers with equal selection and representation share a channel: an event is selected
 * and encoded once for all of them, and what happens in one turn of the event loop reaches each in one write.
 */
import type { Selection } from "./selection.js";
import type { WatchCache } from "./watch-cache.js";
import type { CacheEvent, SelectedEvent } from "./watch-cache-event.js";
import type { Delivery, WatchEncoder } from "./watch-encoder.js";

/** A watcher that has everything up to the cache's revision. */
export interface LiveWatcher {
  readonly bookmarks: boolean;
  deliver(delivery: Delivery): void;
  /** The server ends the watch. */
  end(): void;
}

/** A channel rests this many times as long as its last delivery took, so that telling a crowd leaves time for the rest. */
const REST = 7;
const MAX_REST_MS = 20;

class Channel {
  readonly watchers = new Set<LiveWatcher>();
  private pending: SelectedEvent[] = [];
  private scheduled = false;
  private restsUntil = 0;

  constructor(
    private readonly selection: Selection,
    readonly encoder: WatchEncoder,
  ) {}

  offer(events: readonly CacheEvent[]): void {
    for (const event of events) {
      const selected = event.for(this.selection);
      if (selected) this.pending.push(selected);
    }
    if (this.pending.length === 0 || this.scheduled) return;
    this.scheduled = true;
    const flush = () => {
      this.scheduled = false;
      this.flush();
    };
    // Writers answer first; further batches of this turn join. Under sustained writing a crowd gets more events at a time
    // instead of more writes: to a hundred watchers, one event each costs as much as a dozen.
    const wait = this.restsUntil - performance.now();
    if (wait > 1) setTimeout(flush, wait);
    else setImmediate(flush);
  }

  flush(): void {
    if (this.pending.length === 0) return;
    const began = performance.now();
    const delivery = this.encoder.events(this.pending);
    this.pending = [];
    for (const watcher of this.watchers) watcher.deliver(delivery);
    const ended = performance.now();
    this.restsUntil = ended + Math.min(MAX_REST_MS, (ended - began) * REST);
  }
}

export class WatchHub {
  private readonly channels = new Map<string, Channel>();

  constructor(private readonly cache: WatchCache) {
    cache.listen((events) => {
      for (const channel of this.channels.values()) channel.offer(events);
    });
    // What went by meanwhile is in the store's log, which a watch that begins again where this one ended is served from.
    cache.onRefilled(() => this.close());
  }

  /** Joins a watcher that has everything up to the cache's revision. @returns its way out */
  join(watcher: LiveWatcher, selection: Selection, encoder: WatchEncoder): () => void {
    const id = `${encoder.id}|${selection.id}`;
    const channel = this.channels.get(id) ?? new Channel(selection, encoder);
    this.channels.set(id, channel);
    // What waits for the others the newcomer has already.
    channel.flush();
    channel.watchers.add(watcher);
    return () => {
      channel.watchers.delete(watcher);
      if (channel.watchers.size === 0 && this.channels.get(id) === channel) this.channels.delete(id);
    };
  }

  /** Tells every watcher that asked for it how far it is. */
  bookmark(): void {
    for (const channel of this.channels.values()) {
      channel.flush();
      const bookmark = channel.encoder.bookmark(this.cache.revision, false);
      for (const watcher of channel.watchers) if (watcher.bookmarks) watcher.deliver(bookmark);
    }
  }

  close(): void {
    for (const channel of this.channels.values()) for (const watcher of channel.watchers) watcher.end();
    this.channels.clear();
  }
}
