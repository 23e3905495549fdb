import { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { RawData, WebSocket } from "ws";
import { type ChannelProtocol, channel, decodeFrame, encodeFrame } from "./channel-protocol.js";

export interface TerminalSize {
  width: number;
  height: number;
}

/** Bytes of unread standard input before the client is told to wait. */
const STDIN_BUFFER = 256 * 1024;

/**
 * Nothing is said before a session is this old, in ms. kubectl 1.32 begins to read while it still makes its streams, and drops
 * what comes for one that is not there yet; a busy machine needs some time for that.
 */
const SILENCE_MS = 60;

/** One WebSocket as the streams of a command. Binary-safe; each direction waits for the slower side. */
export class ChannelStreams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  #onResize: ((size: TerminalSize) => void) | undefined;
  #size: TerminalSize | undefined;
  #inputEnded = false;
  readonly #heard = sleep(SILENCE_MS);

  constructor(
    private readonly socket: WebSocket,
    private readonly protocol: ChannelProtocol,
  ) {
    this.stdin = new Readable({ highWaterMark: STDIN_BUFFER, read: () => socket.resume() });
    this.stdout = this.#writer(channel.stdout);
    this.stderr = this.#writer(channel.stderr);
    socket.on("message", (data) => this.#receive(data));
    socket.once("close", () => {
      this.#feed(null);
      // What a command still writes has no reader; failing the write lets its source stop.
      this.stdout.destroy();
      this.stderr.destroy();
    });
  }

  /** The size known so far, if any, is reported at once: it often arrives before the command runs. */
  onResize(handler: (size: TerminalSize) => void): void {
    this.#onResize = handler;
    if (this.#size) handler(this.#size);
  }

  /** Resolves when the frame has been handed to the kernel. */
  async send(id: number, data: Buffer): Promise<void> {
    await this.#heard;
    return new Promise((resolve, reject) => {
      this.socket.send(encodeFrame(this.protocol, id, data), (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Resolves when everything written so far has been sent; the streams take nothing more. */
  async flush(): Promise<void> {
    const ended = [this.stdout, this.stderr].map(
      (stream) =>
        new Promise<void>((resolve) => {
          if (stream.destroyed || stream.writableFinished) resolve();
          else stream.once("close", resolve).once("finish", resolve).end();
        }),
    );
    await Promise.all(ended);
  }

  #writer(id: number): Writable {
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.send(id, chunk).then(() => done(), done);
      },
    });
    // The socket's own close ends the session; without a listener an unfinished write would end the process.
    stream.on("error", () => this.socket.terminate());
    return stream;
  }

  #receive(raw: RawData): void {
    const frame = decodeFrame(this.protocol, raw as Buffer);
    if (frame?.id === channel.stdin) this.#feed(frame.data);
    else if (frame?.id === channel.resize) this.#resize(frame.data);
    else if (frame?.id === channel.close && this.protocol.canClose && frame.data[0] === channel.stdin) {
      this.#feed(null);
    }
  }

  /** @param data null: no more input will come */
  #feed(data: Buffer | null): void {
    if (this.#inputEnded || this.stdin.destroyed || data?.length === 0) return;
    this.#inputEnded = data === null;
    if (!this.stdin.push(data) && data) this.socket.pause();
  }

  #resize(data: Buffer): void {
    const size = parseSize(data);
    if (!size) return;
    this.#size = size;
    this.#onResize?.(size);
  }
}

/** `{"Width": columns, "Height": rows}`, the keys in any case. */
function parseSize(data: Buffer): TerminalSize | undefined {
  try {
    const fields = Object.entries(JSON.parse(data.toString("utf8")) as Record<string, unknown>);
    const field = (name: string) => Number(fields.find(([key]) => key.toLowerCase() === name)?.[1]);
    const [width, height] = [field("width"), field("height")];
    return width > 0 && height > 0 ? { width, height } : undefined;
  } catch {
    // A client that sends nonsense keeps the size it has.
    return undefined;
  }
}
