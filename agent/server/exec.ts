import type { WebSocket } from "ws";
import type { Status } from "#api/generated/types.js";
import type { ExecSession, Runtime } from "../runtime/runtime.js";
import { type ChannelProtocol, channel } from "./channel-protocol.js";
import { ChannelStreams } from "./channel-streams.js";
import { toStatusError } from "./error-answer.js";
import type { ExecOptions } from "./exec-options.js";

/** An idle session whose client vanished without a word is noticed by the failing ping. */
const PING_MS = 30_000;

/**
 * Runs a command in a container, or joins its own process, with the WebSocket as its terminal. The last frames are, in this order: all of the output,
 * the exit code as a Status on the error channel, close. When the client goes first, the engine's session is closed.
 */
export async function serveExec(
  runtime: Runtime,
  containerId: string,
  options: ExecOptions,
  socket: WebSocket,
  protocol: ChannelProtocol,
): Promise<void> {
  const streams = new ChannelStreams(socket, protocol);
  const ping = setInterval(() => socket.ping(), PING_MS);
  socket.once("close", () => clearInterval(ping));
  socket.on("error", () => socket.terminate());
  // Tells the client that the session is up, as Kubernetes' own servers do. The command starts meanwhile.
  const told = streams
    .send(options.stdout ? channel.stdout : channel.error, Buffer.alloc(0))
    .catch(() => socket.terminate());
  const status = await run(runtime, containerId, options, socket, streams).catch((error) =>
    toStatusError(error).toStatus(),
  );
  if (socket.readyState !== socket.OPEN) return;
  await told;
  await streams.flush();
  await streams.send(channel.error, Buffer.from(JSON.stringify(status)));
  socket.close(1000);
}

async function run(
  runtime: Runtime,
  containerId: string,
  options: ExecOptions,
  socket: WebSocket,
  streams: ChannelStreams,
): Promise<Status> {
  const { command } = options;
  const joined = {
    stdin: options.stdin ? streams.stdin : undefined,
    stdout: options.stdout ? streams.stdout : undefined,
    stderr: options.stderr && !options.tty ? streams.stderr : undefined,
    tty: options.tty,
  };
  const session = await (command ? runtime.exec(containerId, command, joined) : runtime.attach(containerId, joined));
  closeWithSocket(session, socket);
  if (options.tty) {
    // A resize that comes too late (the command has ended) is of no interest to anybody.
    streams.onResize(({ width, height }) => void session.resize(width, height).catch(() => undefined));
  }
  const { exitCode } = await session.wait();
  return exitStatus(exitCode);
}

function closeWithSocket(session: ExecSession, socket: WebSocket): void {
  if (socket.readyState === socket.OPEN) socket.once("close", () => session.close());
  else session.close();
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
