import type { Duplex } from "node:stream";
import { type ExecSession, type ExecStreams, RuntimeError } from "../runtime.js";
import { call, callOrUndefined, callUnless, type Engine } from "./engine.js";
import { connectStreams } from "./exec.js";

/** Joins the streams of the container's main process. */
export async function attach(engine: Engine, id: string, streams: ExecStreams): Promise<ExecSession> {
  const container = engine.docker.getContainer(id);
  const stdinOnce = (await call(() => container.inspect())).Config.StdinOnce;
  const connection = (await call(() =>
    container.attach({
      stream: true,
      hijack: true,
      stdin: streams.stdin !== undefined,
      stdout: streams.stdout !== undefined,
      stderr: streams.stderr !== undefined,
    }),
  )) as Duplex;
  // To the engine the end of the input is the end of all of it, unless the container takes its input once.
  const output = connectStreams(connection, streams, stdinOnce);
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
