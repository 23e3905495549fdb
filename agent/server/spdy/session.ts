/**
 * The server's side of SPDY/3.1 as Kubernetes speaks it. Frames and header compression are spdy-transport's; its connections
 * are not used, since they ask for what Kubernetes' SPDY does not have: HTTP request lines in every stream, and flow control
 * (https://github.com/moby/spdystream never sends a WINDOW_UPDATE, so a connection that waits for one stops after 64 kB).
 * In place of windows the whole connection waits while one of its streams has a full buffer, as Kubernetes' servers do.
 */
import type { Duplex } from "node:stream";
import transport, { type Frame, type Framer, type HeaderCompression, type Parser } from "spdy-transport";
import { SpdyStream } from "./stream.js";

/** The frames of 3.1 are those of 3, but for the session's window. */
const VERSION = 3;
/** One for all streams: they take turns. */
const PRIORITY = 1;
const LINGER_MS = 10_000;
const NO_WINDOW = { send: { update: () => undefined } };

export class SpdySession {
  readonly #parser: Parser;
  readonly #framer: Framer;
  readonly #compression: HeaderCompression;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #full = new Set<number>();
  readonly #whenClosed: (() => void)[] = [];
  #lastId = 0;
  #closed = false;

  /**
   * @param connection taken over: it is destroyed with the session
   * @param onStream a new stream of the client's; it has to be replied to, or refused
   */
  constructor(
    private readonly connection: Duplex,
    private readonly onStream: (stream: SpdyStream) => void,
  ) {
    const { parser, framer, compressionPool } = transport.protocol.spdy;
    this.#parser = parser.create({ isServer: true });
    this.#framer = framer.create({ window: NO_WINDOW });
    this.#compression = compressionPool.create(true).get(VERSION);
    for (const half of [this.#parser, this.#framer]) {
      half.setVersion(VERSION);
      half.setCompression(this.#compression);
      half.on("error", (error: Error) => connection.destroy(error));
    }
    acceptBareStreams(this.#parser);
    this.#parser.on("data", (frame: Frame) => this.#receive(frame));
    connection.on("error", () => this.#close());
    connection.once("end", () => this.#close());
    connection.once("close", () => this.#close());
    connection.pipe(this.#parser);
    this.#framer.pipe(connection);
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Called when the connection is gone, at once when it is already. */
  whenClosed(handler: () => void): void {
    if (this.#closed) handler();
    else this.#whenClosed.push(handler);
  }

  /** Everything has been sent: the client closes, as it may still read; one that does not is not waited for long. */
  finish(): void {
    const timer = setTimeout(() => this.connection.destroy(), LINGER_MS).unref();
    this.whenClosed(() => clearTimeout(timer));
  }

  destroy(): void {
    this.connection.destroy();
  }

  /** For the session's streams. */
  readonly port = {
    reply: (id: number): Promise<void> =>
      new Promise((resolve, reject) => {
        this.#framer.responseFrame({ id, status: 200, headers: {} }, (error) => (error ? reject(error) : resolve()));
      }),
    send: (id: number, data: Buffer, fin: boolean, done: (error?: Error | null) => void): void =>
      this.#framer.dataFrame({ id, priority: PRIORITY, fin, data }, done),
    reset: (id: number, code: string): void => {
      if (!this.#closed) this.#framer.rstFrame({ id, code });
    },
    wantsMore: (id: number): void => {
      if (this.#full.delete(id) && this.#full.size === 0) this.#parser.resume();
    },
    forget: (id: number): void => {
      this.#streams.delete(id);
      this.port.wantsMore(id);
    },
  };

  #receive({ type, id = 0, ...frame }: Frame): void {
    if (this.#closed) return;
    if (type === "PING" && !frame.ack) return void this.#framer.pingFrame({ opaque: frame.opaque!, ack: true });
    const stream = this.#streams.get(id);
    if (type === "HEADERS" && !stream) return void this.#open(id, frame);
    // What comes for a stream that is closed here was on its way when it was.
    if (!stream) return;
    if (type === "RST") return void stream.wasReset();
    if (type !== "DATA") return;
    if (frame.data?.length && !stream.receive(frame.data)) {
      this.#full.add(id);
      this.#parser.pause();
    }
    if (frame.fin) stream.receive(null);
  }

  #open(id: number, { headers = {}, fin }: Omit<Frame, "type">): void {
    if (id % 2 === 0 || id <= this.#lastId) return void this.#framer.rstFrame({ id, code: "PROTOCOL_ERROR" });
    this.#lastId = id;
    const stream = new SpdyStream(this.port, id, headers);
    this.#streams.set(id, stream);
    if (fin) stream.receive(null);
    this.onStream(stream);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.connection.destroy();
    for (const stream of this.#streams.values()) stream.wasReset();
    this.#parser.destroy();
    this.#framer.destroy();
    this.#compression.compress.close();
    this.#compression.decompress.close();
    for (const handler of this.#whenClosed) handler();
  }
}

/** The package wants every stream to be an HTTP request; Kubernetes' streams have only headers of their own. */
function acceptBareStreams(parser: Parser): void {
  const read = parser.parseKVs;
  parser.parseKVs = (block, done) =>
    read.call(parser, block, (error, headers) =>
      done(error, headers && { ":method": "POST", ":path": "/", ...headers }),
    );
}
