import type { ZonePart } from "./record.js";

/** @param set parts as they are now. @param remove ids of parts that are gone */
export type Publish = (set: readonly ZonePart[], remove: readonly string[]) => void;

/** Gathers which parts of the zone have changed; those of one turn of the event loop are published together. */
export class ZoneFeed {
  readonly #changed = new Map<string, () => ZonePart | undefined>();
  #timer: NodeJS.Immediate | undefined;

  constructor(private readonly publish: Publish) {}

  /** @param part says what the part is when it is published; undefined when it is gone */
  changed(id: string, part: () => ZonePart | undefined): void {
    this.#changed.set(id, part);
    this.#timer ??= setImmediate(() => this.flush());
  }

  /** Publishes now what has changed. */
  flush(): void {
    this.stop();
    const set: ZonePart[] = [];
    const remove: string[] = [];
    for (const [id, current] of this.#changed) {
      const part = current();
      if (part) set.push(part);
      else remove.push(id);
    }
    this.#changed.clear();
    if (set.length + remove.length > 0) this.publish(set, remove);
  }

  stop(): void {
    clearImmediate(this.#timer);
    this.#timer = undefined;
  }
}
