import { PassThrough } from "node:stream";
import { type ExecResult, TimeoutError } from "../runtime.js";
import { call, type Engine } from "./engine.js";
import { connectStreams, exitCode, killExec } from "./exec.js";

/** Output beyond this many bytes a stream is dropped: a probe's or a hook's words, not a file transfer. */
const MAX_OUTPUT = 1 << 20;

/** Runs a command to its end. On time-out its process is killed, so that probes that hang do not pile up. */
export async function execSync(
  engine: Engine,
  id: string,
  command: readonly string[],
  timeoutMs: number,
): Promise<ExecResult> {
  const created = await call(() =>
    engine.docker.getContainer(id).exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true }),
  );
  const connection = await call(() => created.start({ hijack: true, stdin: true }));
  const stdout = new Collector();
  const stderr = new Collector();
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<"timeout">((resolve) => {
    if (timeoutMs > 0) timer = setTimeout(resolve, timeoutMs, "timeout");
  });
  const done = connectStreams(connection, { stdout: stdout.stream, stderr: stderr.stream, tty: false });
  const result = await Promise.race([done, timedOut]);
  clearTimeout(timer);
  if (result === "timeout") {
    await killExec(created, id);
    connection.destroy();
    throw new TimeoutError(`command ${JSON.stringify(command.join(" "))} timed out`);
  }
  return { exitCode: await exitCode(created), stdout: stdout.text(), stderr: stderr.text() };
}

class Collector {
  readonly stream = new PassThrough();
  readonly #chunks: Buffer[] = [];
  #size = 0;

  constructor() {
    this.stream.on("data", (chunk: Buffer) => {
      if (this.#size < MAX_OUTPUT) this.#chunks.push(chunk.subarray(0, MAX_OUTPUT - this.#size));
      this.#size += chunk.length;
    });
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}
