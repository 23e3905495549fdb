import type { IncomingMessage } from "node:http";
import { PassThrough, type Readable } from "node:stream";
import { finished } from "node:stream/promises";
import type { LogOptions, LogStream } from "../runtime.js";
import { call, type Engine } from "./engine.js";
import { LinesAsFrames, lineJoiner } from "./log-lines.js";
import { StreamDemux } from "./stream-demux.js";

/** The container's log with a time before each line, both outputs merged in the order they were written. */
export async function logs(engine: Engine, id: string, options: LogOptions): Promise<LogStream> {
  const container = engine.docker.getContainer(id);
  const { tty, source } = await call(async () => {
    const found = await container.inspect();
    return { tty: found.Config.Tty, source: await openLog(engine, found.Id, options) };
  });
  const output = new PassThrough();
  const joiner = lineJoiner(options.follow);
  const sink = tty ? new LinesAsFrames(joiner) : new StreamDemux(output, output, joiner);
  source.pipe(sink);
  if (sink instanceof LinesAsFrames) sink.pipe(output);
  finished(source).then(
    () => void sink.end(() => output.end()),
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
