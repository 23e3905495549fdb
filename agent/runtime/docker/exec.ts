import { readFile } from "node:fs/promises";
import type { Duplex } from "node:stream";
import { finished } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Exec } from "dockerode";
import type { ExecSession, ExecStreams } from "../runtime.js";
import { call, callOrUndefined, callUnless, type Engine } from "./engine.js";
import { StreamDemux } from "./stream-demux.js";

/** Runs a command in a container with streams attached; resolves once it runs. */
export async function exec(
  engine: Engine,
  id: string,
  command: readonly string[],
  streams: ExecStreams,
): Promise<ExecSession> {
  const created = await call(() =>
    engine.docker.getContainer(id).exec({
      Cmd: [...command],
      AttachStdin: streams.stdin !== undefined,
      AttachStdout: streams.stdout !== undefined,
      AttachStderr: streams.stderr !== undefined && !streams.tty,
      Tty: streams.tty,
    }),
  );
  // Without `hijack` the engine's answer is a plain response, and closing our side of it would end the command's input.
  const connection = await call(() => created.start({ hijack: true, stdin: true, Tty: streams.tty }));
  const output = connectStreams(connection, streams);
  const closing = new AbortController();
  return {
    resize: (width, height) => callUnless([404, 409, 500], () => created.resize({ w: width, h: height })),
    wait: async () => {
      await output;
      return { exitCode: await exitCode(created, closing.signal) };
    },
    close: () => {
      closing.abort();
      connection.destroy();
    },
  };
}

/**
 * Joins the engine's connection with the streams; resolves when the command's output has been written.
 * @param endInput whether the end of the input reaches the engine
 */
export async function connectStreams(connection: Duplex, streams: ExecStreams, endInput = true): Promise<void> {
  if (streams.stdin) streams.stdin.pipe(connection, { end: endInput });
  else connection.end();
  if (streams.tty && streams.stdout) {
    connection.pipe(streams.stdout, { end: false });
    await ended(connection);
    return;
  }
  const demux = connection.pipe(new StreamDemux(streams.stdout, streams.stderr));
  await ended(connection);
  demux.end();
  await finished(demux);
}

/** Resolves when nothing more will be read, also when the connection was cut: the exit code tells what happened. */
function ended(connection: Duplex): Promise<void> {
  return new Promise((resolve) => {
    connection.once("end", resolve);
    connection.once("close", resolve);
    connection.once("error", () => resolve());
  });
}

/** The longest time between two questions for an exit code, ms. */
const LONGEST_PAUSE_MS = 1_000;

/**
 * Waits for an exec's end. The engine has no call for that, so it is asked again and again: the streams end before it has the
 * code, a moment or, when it is busy, seconds.
 * @param abandoned that nobody wants to know any more: throws an AbortError
 * @returns 137 (killed) when the container, and with it the exec, is gone
 */
export async function exitCode(created: Exec, abandoned: AbortSignal): Promise<number> {
  for (let pause = 25; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    const state = await callOrUndefined(() => created.inspect());
    if (!state) return 137;
    if (!state.Running && state.ExitCode !== null) return state.ExitCode;
    await sleep(pause, undefined, { signal: abandoned });
  }
}

/** How long an engine may take to start a process that it has said runs. */
const START_PATIENCE_MS = 60_000;

/** What the engine knows of an exec: its process, once that is in the container, "ended", or neither yet. */
export async function execProcess(created: Exec, containerId: string): Promise<number | "ended" | undefined> {
  const state = await callOrUndefined(() => created.inspect());
  if (!state || (!state.Running && state.ExitCode !== null)) return "ended";
  // Only a process that is in that container: its id may have been given to another one.
  const cgroup = state.Pid ? await readFile(`/proc/${state.Pid}/cgroup`, "utf8").catch(() => "") : "";
  return cgroup.includes(containerId) ? state.Pid : undefined;
}

/**
 * Ends an exec's process from outside: the engine has no call for it. It answers before the process is there, so that is waited
 * for: what nobody waits for any more would run for ever.
 * @throws Error when no process appears
 */
export async function killExec(created: Exec, containerId: string): Promise<void> {
  const deadline = performance.now() + START_PATIENCE_MS;
  while (performance.now() < deadline) {
    const found = await execProcess(created, containerId);
    if (found === "ended") return;
    if (found) return void process.kill(found, "SIGKILL");
    await sleep(100);
  }
  throw new Error(`the engine has not started it within ${START_PATIENCE_MS / 1000} s`);
}
