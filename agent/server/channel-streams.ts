import { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { RawData, WebSocket } from "ws";
import type { Status } from "#api/generated/types.js";
import { type ChannelProtocol, channel, decodeFrame, encodeFrame } from "./channel-protocol.js";
import { type CommandStreams, parseSize, type TerminalSize } from "./command-streams.js";

/** Bytes of unread standard input before the client is told to wait. */
const STDIN_BUFFER = 256 * 1024;

/**
 * Nothing is said before a session is this old, in ms. kubectl 1.32 begins to read while it still makes its streams, and drops
 * what comes for one that is not there yet; a busy machine needs some time for that.
 */
const SILENCE_MS = 60;

/** An idle session whose client vanished without a word is noticed by the failing ping. */
const PING_MS = 30_000;

/** One WebSocket as the streams of a command. */
export class ChannelStreams implements CommandStreams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  #onResize: ((size: TerminalSize) => void) | undefined;
  #size: TerminalSize | undefined;
  #inputEnded = false;
  readonly #heard = sleep(SILENCE_MS);
  readonly #told: Promise<void>;

  /** @param greeting the channel on which the client is told that the session is up, as Kubernetes' own servers do */
  constructor(
    private readonly socket: WebSocket,
    private readonly protocol: ChannelProtocol,
    greeting: number,
  ) {
    this.stdin = new Readable({ highWaterMark: STDIN_BUFFER, read: () => socket.resume() });
    this.stdout = this.#writer(channel.stdout);
    this.stderr = this.#writer(channel.stderr);
    socket.on("message", (data) => this.#receive(data));
    const ping = setInterval(() => socket.ping(), PING_MS);
    socket.on("error", () => socket.terminate());
    socket.once("close", () => {
      clearInterval(ping);
      this.#feed(null);
      // What a command still writes has no reader; failing the write lets its source stop.
      this.stdout.destroy();
      this.stderr.destroy();
    });
    this.#told = this.#send(greeting, Buffer.alloc(0)).catch(() => socket.terminate());
  }

  onResize(handler: (size: TerminalSize) => void): void {
    this.#onResize = handler;
    if (this.#size) handler(this.#size);
  }

  whenClosed(handler: () => void): void {
    if (this.socket.readyState === this.socket.OPEN) this.socket.once("close", handler);
    else handler();
  }

  async finish(status: Status): Promise<void> {
    if (this.socket.readyState !== this.socket.OPEN) return;
    await this.#told;
    await this.#flush();
    await this.#send(channel.error, Buffer.from(JSON.stringify(status)));
    this.socket.close(1000);
  }

  /** Resolves when the frame has been handed to the kernel. */
  async #send(id: number, data: Buffer): Promise<void> {
    await this.#heard;
    return new Promise((resolve, reject) => {
      this.socket.send(encodeFrame(this.protocol, id, data), (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Resolves when everything written so far has been sent; the streams take nothing more. */
  async #flush(): Promise<void> {
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
        this.#send(id, chunk).then(() => done(), done);
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
    const size = parseSize(data.toString());
    if (!size) return;
    this.#size = size;
    this.#onResize?.(size);
  }
}
