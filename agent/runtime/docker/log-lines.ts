import { Transform, type TransformCallback } from "node:stream";
import { RepeatedLines } from "./repeated-lines.js";
import type { EditPayload } from "./stream-demux.js";

const NEWLINE = 0x0a;
const SPACE = 0x20;
const NOTHING = Buffer.alloc(0);

/** Where one of the two outputs of a container is. */
interface OutputState {
  inLine: boolean;
  /** What has come of the time at the start of a frame; undefined behind it. */
  time: Buffer | undefined;
  /** The line was told before. */
  skip: boolean;
  repeated: RepeatedLines | undefined;
}

/**
 * The engine cuts lines at 16 KiB and puts the time before every part: only the first time is kept. A frame is one part,
 * and its time comes whole in its first piece or, rarely, runs on into the next.
 * @param follow lines that a follower is told twice are left out
 */
export function lineJoiner(follow: boolean): EditPayload {
  const fresh = (): OutputState => ({
    inLine: false,
    time: undefined,
    skip: false,
    repeated: follow ? new RepeatedLines() : undefined,
  });
  const outputs = [fresh(), fresh()];
  return (payload, stderr, first) => {
    const state = outputs[stderr ? 1 : 0]!;
    if (first) state.time = NOTHING;
    let [time, text] = [NOTHING, payload];
    if (state.time !== undefined) {
      const space = payload.indexOf(SPACE);
      if (space < 0) {
        state.time = Buffer.concat([state.time, payload]);
        return NOTHING;
      }
      time = Buffer.concat([state.time, payload.subarray(0, space + 1)]);
      text = payload.subarray(space + 1);
      state.time = undefined;
      if (state.inLine) time = NOTHING;
      else state.skip = state.repeated?.has(time.toString("latin1").trimEnd()) ?? false;
    }
    state.inLine = payload.at(-1) !== NEWLINE;
    if (state.skip) return NOTHING;
    return time.length > 0 ? Buffer.concat([time, text]) : text;
  };
}

/** The log of a terminal comes without frames: each line is taken for one. */
export class LinesAsFrames extends Transform {
  #atStart = true;

  constructor(private readonly edit: EditPayload) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    let rest = chunk;
    while (rest.length > 0) {
      const newline = rest.indexOf(NEWLINE);
      const piece = newline < 0 ? rest : rest.subarray(0, newline + 1);
      rest = rest.subarray(piece.length);
      this.push(this.edit(piece, false, this.#atStart));
      this.#atStart = newline >= 0;
    }
    done();
  }
}
