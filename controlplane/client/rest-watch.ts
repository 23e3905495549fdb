import type { Readable } from "node:stream";
import type { Status } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { StatusError } from "#api/status-error.js";
import type { ClientWatch, WatchCallbacks } from "./client.js";
import { WatchFrames } from "./watch-frames.js";

/** The server says in this header how often (in seconds) it speaks on a watch even when nothing happens. */
export const BOOKMARK_INTERVAL_HEADER = "berth-bookmark-interval";

/** One watch over one response. Silence for longer than allowed means that the other side is gone without a word. */
export class RestWatch<T extends KubeObject> implements ClientWatch {
  readonly #abort = new AbortController();
  readonly #frames = new WatchFrames<T>();
  #silence: NodeJS.Timeout | undefined;
  #ended = false;

  /** @param silenceMs how long the server may say nothing until {@link follow} */
  constructor(
    private readonly handler: WatchCallbacks<T>,
    private silenceMs: number,
  ) {
    this.#heard();
  }

  /** Ends the request when the watch does. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** @param silenceMs how long the server may say nothing from now on */
  follow(stream: Readable, silenceMs: number): void {
    this.silenceMs = silenceMs;
    this.#heard();
    stream.on("data", (chunk: Buffer) => this.#take(chunk));
    stream.on("end", () => this.finish(undefined));
    stream.on("error", (error) => this.finish(error));
    // A cut connection closes the stream without an end.
    stream.on("close", () => this.finish(new Error("the connection of the watch was cut")));
  }

  close(): void {
    this.#ended = true;
    clearTimeout(this.#silence);
    this.#abort.abort();
  }

  finish(error: Error | undefined): void {
    if (this.#ended) return;
    this.close();
    this.handler.onEnd(error);
  }

  #take(chunk: Buffer): void {
    if (this.#ended) return;
    this.#heard();
    try {
      const events = this.#frames.take(chunk);
      const failed = events.findIndex((event) => (event.type as string) === "ERROR");
      const good = failed < 0 ? events : events.slice(0, failed);
      if (good.length > 0) this.handler.onEvents(good);
      if (failed >= 0) this.finish(StatusError.fromStatus(events[failed]!.object as unknown as Status));
    } catch (error) {
      this.finish(error as Error);
    }
  }

  #heard(): void {
    clearTimeout(this.#silence);
    const limit = this.silenceMs;
    this.#silence = setTimeout(() => this.finish(new Error(`the watch was silent for ${limit / 1000} s`)), limit);
    this.#silence.unref();
  }
}
