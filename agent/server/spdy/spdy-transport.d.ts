/** The part of the package that is used here: its frames, not its connections (see session.ts). It has no types of its own. */
declare module "spdy-transport" {
  import type { Readable, Transform } from "node:stream";
  import type { Deflate, Inflate } from "node:zlib";

  export interface HeaderCompression {
    compress: Deflate;
    decompress: Inflate;
  }

  export interface Frame {
    /** SYN_STREAM, SYN_REPLY and HEADERS all come as "HEADERS". */
    type: string;
    id?: number;
    fin?: boolean;
    /** Names in lower case. */
    headers?: Record<string, string>;
    data?: Buffer;
    opaque?: Buffer;
    ack?: boolean;
  }

  type Done = (error?: Error | null) => void;
  type HeadersRead = (error: Error | null, headers?: Record<string, string>) => void;

  export interface Parser extends Transform {
    setVersion(version: number): void;
    setCompression(pair: HeaderCompression): void;
    parseKVs(block: unknown, done: HeadersRead): void;
  }

  /** Its bytes are to be piped to the peer. A frame's callback comes when the frame has left the framer's own queue. */
  export interface Framer extends Readable {
    setVersion(version: number): void;
    setCompression(pair: HeaderCompression): void;
    responseFrame(frame: { id: number; status: number; headers: Record<string, string> }, done: Done): void;
    dataFrame(frame: { id: number; priority: number; fin: boolean; data: Buffer }, done: Done): void;
    rstFrame(frame: { id: number; code: string }, done?: Done): void;
    pingFrame(frame: { opaque: Buffer; ack: boolean }): void;
  }

  interface SendWindow {
    send: { update(delta: number): void };
  }

  export interface Transport {
    protocol: {
      spdy: {
        parser: { create(options: { isServer: boolean }): Parser };
        framer: { create(options: { window: SendWindow }): Framer };
        compressionPool: { create(compress: boolean): { get(version: number): HeaderCompression } };
      };
    };
  }

  const transport: Transport;
  export default transport;
}
