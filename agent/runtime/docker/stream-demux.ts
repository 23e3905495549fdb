/**
 * Takes apart the engine's multiplexed stream: frames of eight bytes header (stream number, three zeros, length) and
 * payload (https://docs.docker.com/reference/api/engine/, "Attach to a container"). Waits for slow readers.
 */
import { Writable } from "node:stream";

const HEADER = 8;
const STDERR = 2;

/** Changes a piece of payload on its way. @param first true for the first piece of a frame */
export type EditPayload = (payload: Buffer, stderr: boolean, first: boolean) => Buffer;

/** A sink for the raw stream that writes payloads on to `stdout` and `stderr`; it ends neither of them. */
export class StreamDemux extends Writable {
  #header = Buffer.alloc(0);
  #left = 0;
  #first = false;
  #stderr = false;

  constructor(
    private readonly stdout: Writable | undefined,
    private readonly stderr: Writable | undefined,
    private readonly edit: EditPayload = (payload) => payload,
  ) {
    super();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    let rest = chunk;
    let full: Writable | undefined;
    while (rest.length > 0) {
      if (this.#left === 0) {
        rest = this.#readHeader(rest);
      } else {
        const payload = rest.subarray(0, this.#left);
        rest = rest.subarray(payload.length);
        this.#left -= payload.length;
        const target = this.#stderr ? this.stderr : this.stdout;
        const edited = this.edit(payload, this.#stderr, this.#first);
        this.#first = false;
        if (target && !target.destroyed && !target.write(edited)) full = target;
      }
    }
    if (full) whenWritable(full, done);
    else done();
  }

  #readHeader(bytes: Buffer): Buffer {
    const missing = HEADER - this.#header.length;
    this.#header = Buffer.concat([this.#header, bytes.subarray(0, missing)]);
    if (this.#header.length === HEADER) {
      this.#stderr = this.#header[0] === STDERR;
      this.#first = true;
      this.#left = this.#header.readUInt32BE(4);
      this.#header = Buffer.alloc(0);
    }
    return bytes.subarray(missing);
  }
}

function whenWritable(target: Writable, then: () => void): void {
  const go = () => {
    target.off("drain", go);
    target.off("close", go);
    then();
  };
  target.once("drain", go);
  target.once("close", go);
}
