/** A command's streams over SPDY: one stream each, named by the header streamType; the client opens them all before it begins. */
import { finished } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Status } from "#api/generated/types.js";
import { type CommandStreams, parseSize, type TerminalSize } from "../command-streams.js";
import type { ExecOptions } from "../exec-options.js";
import type { SpdySession } from "./session.js";
import type { SpdyStream } from "./stream.js";

/** Best first. From version 3 a terminal can be resized; version 4 reports the end as a Status, the others in words. */
export const COMMAND_PROTOCOLS = [
  "v4.channel.k8s.io",
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
  "channel.k8s.io",
  // A client that names none speaks the first version.
  "",
] as const;

const OPENING_TIMEOUT_MS = 30_000;

/** Takes the streams the client opens; call {@link ready} before any other method. */
export class SpdyCommandStreams implements CommandStreams {
  readonly #streams = new Map<string, SpdyStream>();
  readonly #missing: Set<string>;
  #complete: () => void = () => undefined;
  #onResize: ((size: TerminalSize) => void) | undefined;
  #size: TerminalSize | undefined;
  #session: SpdySession | undefined;

  constructor(
    private readonly protocol: string,
    { stdin, stdout, stderr, tty }: ExecOptions,
  ) {
    const resizable = tty && (protocol.startsWith("v3.") || protocol.startsWith("v4."));
    const wanted = { error: true, stdin, stdout, stderr: stderr && !tty, resize: resizable };
    this.#missing = new Set(Object.entries(wanted).flatMap(([name, is]) => (is ? [name] : [])));
  }

  /** For the session: a stream the client opened. */
  add(stream: SpdyStream): void {
    const type = stream.headers["streamtype"] ?? "";
    if (!this.#missing.delete(type)) return void stream.refuse();
    stream.reply();
    this.#streams.set(type, stream);
    if (type === "resize") this.#readSizes(stream);
    // The client may end its half of what only we write.
    else if (type !== "stdin") stream.resume();
    if (this.#missing.size === 0) this.#complete();
  }

  /** Resolves when all streams are there. @throws Error when the client goes or takes too long */
  async ready(session: SpdySession): Promise<void> {
    this.#session = session;
    const timer = new AbortController();
    try {
      await Promise.race([
        new Promise<void>((resolve, reject) => {
          this.#complete = resolve;
          if (this.#missing.size === 0) resolve();
          session.whenClosed(() => reject(new Error("the client has gone")));
        }),
        sleep(OPENING_TIMEOUT_MS, undefined, { signal: timer.signal }).then(() => {
          throw new Error(`the client did not open its streams: ${[...this.#missing].join(", ")}`);
        }),
      ]);
    } finally {
      timer.abort();
    }
  }

  get stdin(): SpdyStream {
    return this.#stream("stdin");
  }

  get stdout(): SpdyStream {
    return this.#stream("stdout");
  }

  get stderr(): SpdyStream {
    return this.#stream("stderr");
  }

  onResize(handler: (size: TerminalSize) => void): void {
    this.#onResize = handler;
    if (this.#size) handler(this.#size);
  }

  whenClosed(handler: () => void): void {
    this.#session?.whenClosed(handler);
  }

  async finish(status: Status): Promise<void> {
    const error = this.#stream("error");
    for (const stream of this.#streams.values()) if (stream !== error) stream.end();
    const output = [...this.#streams.values()].filter((stream) => stream !== error);
    // A stream the client gave up takes nothing more; the others are still to be told the end.
    await Promise.allSettled(output.map((stream) => finished(stream, { readable: false })));
    error.end(this.#words(status));
    await finished(error, { readable: false }).catch(() => undefined);
    this.#session?.finish();
  }

  #words(status: Status): string {
    if (this.protocol.startsWith("v4.")) return JSON.stringify(status);
    return status.status === "Success" ? "" : (status.message ?? "");
  }

  #stream(type: string): SpdyStream {
    const stream = this.#streams.get(type);
    if (!stream) throw new Error(`the client opened no stream ${type}`);
    return stream;
  }

  /** JSON objects, one after the other. */
  #readSizes(stream: SpdyStream): void {
    let text = "";
    stream.on("data", (data: Buffer) => {
      const parts = `${text}${data}`.split(/(?<=\})/);
      text = parts.at(-1)!.endsWith("}") ? "" : parts.pop()!;
      for (const part of parts) {
        const size = parseSize(part);
        if (size) this.#size = size;
      }
      if (this.#size) this.#onResize?.(this.#size);
    });
  }
}
