import type { KubeObject, WatchEvent } from "#api/object.js";

const NEWLINE = 0x0a;

/** Cuts a watch's bytes into events, one JSON object a line, however the network cut them. */
export class WatchFrames<T extends KubeObject> {
  // Pieces of a line whose end has not come yet; joined once, when it has.
  #pending: Buffer[] = [];

  /** The events completed by this chunk. @throws SyntaxError when a line is not JSON */
  take(chunk: Buffer): WatchEvent<T>[] {
    const last = chunk.lastIndexOf(NEWLINE);
    if (last < 0) {
      this.#pending.push(chunk);
      return [];
    }
    this.#pending.push(chunk.subarray(0, last));
    const text = (this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending)).toString("utf8");
    this.#pending = last + 1 < chunk.length ? [chunk.subarray(last + 1)] : [];
    const events: WatchEvent<T>[] = [];
    for (const line of text.split("\n")) if (line) events.push(JSON.parse(line) as WatchEvent<T>);
    return events;
  }
}
