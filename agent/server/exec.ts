import type { Status } from "#api/generated/types.js";
import type { Runtime } from "../runtime/runtime.js";
import type { CommandStreams } from "./command-streams.js";
import { toStatusError } from "./error-answer.js";
import type { ExecOptions } from "./exec-options.js";

/**
 * Runs a command in a container, or joins its own process, with the client's connection as its terminal. When the client
 * goes first, the engine's session is closed.
 */
export async function serveExec(
  runtime: Runtime,
  containerId: string,
  options: ExecOptions,
  streams: CommandStreams,
): Promise<void> {
  const status = await run(runtime, containerId, options, streams).catch((error) => toStatusError(error).toStatus());
  await streams.finish(status);
}

async function run(
  runtime: Runtime,
  containerId: string,
  options: ExecOptions,
  streams: CommandStreams,
): Promise<Status> {
  const { command } = options;
  const joined = {
    stdin: options.stdin ? streams.stdin : undefined,
    stdout: options.stdout ? streams.stdout : undefined,
    stderr: options.stderr && !options.tty ? streams.stderr : undefined,
    tty: options.tty,
  };
  const session = await (command ? runtime.exec(containerId, command, joined) : runtime.attach(containerId, joined));
  streams.whenClosed(() => session.close());
  if (options.tty) {
    // A resize that comes too late (the command has ended) is of no interest to anybody.
    streams.onResize(({ width, height }) => void session.resize(width, height).catch(() => undefined));
  }
  const { exitCode } = await session.wait();
  return exitStatus(exitCode);
}

export function exitStatus(exitCode: number): Status {
  if (exitCode === 0) return { metadata: {}, status: "Success" };
  return {
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
  };
}
