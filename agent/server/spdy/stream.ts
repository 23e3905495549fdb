import { Duplex } from "node:stream";

/** What a stream asks of its session. */
export interface StreamPort {
  reply(id: number): Promise<void>;
  /** @param done when the frame is on its way, which waits for a slow client */
  send(id: number, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void;
  reset(id: number, code: string): void;
  /** There is room for what the client sends. */
  wantsMore(id: number): void;
  forget(id: number): void;
}

/** Bytes of one stream that wait for their reader before the client's whole connection does. */
const BUFFER = 1024 * 1024;

/** One stream of a SPDY session. Each direction ends on its own; destroying it before tells the client so (RST_STREAM). */
export class SpdyStream extends Duplex {
  #replied: Promise<void> | undefined;
  #ended = { here: false, there: false };

  constructor(
    private readonly port: StreamPort,
    readonly id: number,
    /** Names in lower case. */
    readonly headers: Readonly<Record<string, string>>,
  ) {
    super({ readableHighWaterMark: BUFFER });
    // Whoever uses the stream sees it close; an error nobody listens to would end the process.
    this.on("error", () => undefined);
  }

  /** The client sends data only after this, and drops what it gets before. */
  reply(): void {
    this.#replied = this.port.reply(this.id);
    this.#replied.catch((error: Error) => this.destroy(error));
  }

  refuse(): void {
    this.#ended = { here: true, there: true };
    this.port.reset(this.id, "REFUSED_STREAM");
    this.destroy();
  }

  /** @param data null: no more will come. @returns false when the reader is to catch up first */
  receive(data: Buffer | null): boolean {
    if (this.#ended.there || this.destroyed) return true;
    this.#ended.there = data === null;
    return this.push(data);
  }

  /** The client has given the stream up, or its connection is gone. */
  wasReset(): void {
    this.#ended = { here: true, there: true };
    this.destroy();
  }

  override _read(): void {
    this.port.wantsMore(this.id);
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#send(chunk, false, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#ended.here = true;
    this.#send(Buffer.alloc(0), true, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const { here, there } = this.#ended;
    if (!here || !there) this.port.reset(this.id, "CANCEL");
    this.port.forget(this.id);
    done(error);
  }

  #send(data: Buffer, fin: boolean, done: (error?: Error | null) => void): void {
    (this.#replied ?? Promise.resolve()).then(() => this.port.send(this.id, data, fin, done), done);
  }
}
