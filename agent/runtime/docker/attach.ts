import type { Duplex } from "node:stream";
import { type ExecSession, type ExecStreams, RuntimeError } from "../runtime.js";
import { call, callOrUndefined, callUnless, type Engine } from "./engine.js";
import { connectStreams } from "./exec.js";

/** Joins the streams of the container's main process. */
export async function attach(engine: Engine, id: string, streams: ExecStreams): Promise<ExecSession> {
  const container = engine.docker.getContainer(id);
  const connection = (await call(() =>
    container.attach({
      stream: true,
      hijack: true,
      stdin: streams.stdin !== undefined,
      stdout: streams.stdout !== undefined,
      stderr: streams.stderr !== undefined,
    }),
  )) as Duplex;
  const output = connectStreams(connection, streams);
  return {
    resize: (width, height) => callUnless([404, 409, 500], () => container.resize({ w: width, h: height })),
    wait: async () => {
      await output;
      const found = await callOrUndefined(() => container.inspect());
      if (!found) throw new RuntimeError(`container ${id} is gone`, 404);
      return { exitCode: found.State.ExitCode };
    },
    close: () => connection.destroy(),
  };
}
