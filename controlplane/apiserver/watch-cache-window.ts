/** The most recent events of a kind, for watches that resume. Bounded; what is older is read from the store's log. */
import type { CacheEvent } from "./watch-cache-event.js";

export interface WindowBounds {
  events: number;
  bytes: number;
}

export const DEFAULT_WINDOW: WindowBounds = { events: 512, bytes: 1 << 20 };

export class EventWindow {
  private events: CacheEvent[] = [];
  private bytes = 0;
  private start: number;

  /** @param revision everything after it will be added */
  constructor(
    revision: number,
    private readonly bounds: WindowBounds = DEFAULT_WINDOW,
  ) {
    this.start = revision;
  }

  /** Events above this revision are all here. */
  get since(): number {
    return this.start;
  }

  add(event: CacheEvent): void {
    this.events.push(event);
    this.bytes += event.size;
    // Cutting a quarter at a time keeps the cost per event constant.
    if (this.events.length > this.bounds.events || this.bytes > this.bounds.bytes) this.cut();
  }

  /** Events after `revision`, or undefined when they are not all here any more. */
  after(revision: number): readonly CacheEvent[] | undefined {
    if (revision < this.start) return undefined;
    let low = 0;
    let high = this.events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.events[middle]!.revision > revision) high = middle;
      else low = middle + 1;
    }
    return this.events.slice(low);
  }

  private cut(): void {
    let drop = Math.ceil(this.events.length / 4);
    const last = this.events[drop - 1]!.revision;
    // A commit stays whole: it may hold several events of one revision.
    while (this.events[drop]?.revision === last) drop++;
    for (const event of this.events.splice(0, drop)) this.bytes -= event.size;
    this.start = last;
  }
}
