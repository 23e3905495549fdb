import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { type ExecSession, type ExecStreams, RuntimeError } from "../runtime.js";
import { call, callOrUndefined, callUnless, type Engine } from "./engine.js";
import { connectStreams } from "./exec.js";

/** Within this time (ms) the engine ends the streams of a container that has ended. */
const END_PATIENCE_MS = 1_000;

/**
 * Joins the streams of the container's main process.
 * @throws RuntimeError 409 when that has ended already: the engine would keep us waiting for the container's next start
 */
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
  const isRunning = (await callOrUndefined(() => container.inspect()))?.State.Running;
  if (!isRunning && !(await endsWithin(output, END_PATIENCE_MS))) {
    connection.destroy();
    throw new RuntimeError(`container ${id} is not running`, 409);
  }
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

function endsWithin(output: Promise<void>, milliseconds: number): Promise<boolean> {
  const late = new AbortController();
  const ended = output.then(() => true);
  return Promise.race([ended, sleep(milliseconds, false, { signal: late.signal })]).finally(() => late.abort());
}
