import type { IncomingMessage } from "node:http";
import { PassThrough, type Readable } from "node:stream";
import { finished } from "node:stream/promises";
import type { LogOptions, LogStream } from "../runtime.js";
import { call, type Engine } from "./engine.js";
import { type EditPayload, StreamDemux } from "./stream-demux.js";

/** The container's log with a time before each line, both outputs merged in the order they were written. */
export async function logs(engine: Engine, id: string, options: LogOptions): Promise<LogStream> {
  const container = engine.docker.getContainer(id);
  const { tty, source } = await call(async () => {
    const found = await container.inspect();
    return { tty: found.Config.Tty, source: await openLog(engine, found.Id, options) };
  });
  const output = new PassThrough();
  const sink = tty ? source.pipe(output, { end: false }) : source.pipe(new StreamDemux(output, output, lineJoiner()));
  finished(source).then(
    () => endAfter(sink, output),
    // The engine went away in the middle: the reader gets what was read and then the end.
    () => output.end(),
  );
  return {
    output,
    close: () => {
      source.destroy();
      output.destroy();
    },
  };
}

/** A stream, followed or not: dockerode's own call gathers a log that is not followed in memory, however long it is. */
function openLog({ docker }: Engine, id: string, { follow, tail, since }: LogOptions): Promise<Readable> {
  const request = {
    path: `/containers/${id}/logs?`,
    method: "GET",
    isStream: true,
    statusCodes: { 200: true },
    options: { stdout: true, stderr: true, timestamps: true, follow, tail, since },
  };
  return new Promise((resolve, reject) => {
    docker.modem.dial(request, (error, stream) => (error ? reject(error) : resolve(stream as IncomingMessage)));
  });
}

function endAfter(sink: NodeJS.WritableStream, output: PassThrough): void {
  if (sink === output) output.end();
  else sink.end(() => output.end());
}

const NEWLINE = 0x0a;
const SPACE = 0x20;

/**
 * The engine cuts lines at 16 KiB and puts the time before every part: only the first time is kept. A frame is one part,
 * and its time comes whole in its first piece or, rarely, runs on into the next.
 */
function lineJoiner(): EditPayload {
  const streams = [
    { inLine: false, inTime: false },
    { inLine: false, inTime: false },
  ];
  return (payload, stderr, first) => {
    const state = streams[stderr ? 1 : 0]!;
    if (first) state.inTime = state.inLine;
    let text = payload;
    if (state.inTime) {
      const space = payload.indexOf(SPACE);
      if (space < 0) return payload.subarray(0, 0);
      state.inTime = false;
      text = payload.subarray(space + 1);
    }
    state.inLine = payload.at(-1) !== NEWLINE;
    return text;
  };
}
