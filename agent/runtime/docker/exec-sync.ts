import type { Duplex } from "node:stream";
import { PassThrough } from "node:stream";
import type { Exec } from "dockerode";
import { type ExecResult, RuntimeError, TimeoutError } from "../runtime.js";
import { call, type Engine } from "./engine.js";
import { connectStreams, execProcess, exitCode, killExec } from "./exec.js";

/** Output beyond this many bytes a stream is dropped: a probe's or a hook's words, not a file transfer. */
const MAX_OUTPUT = 1 << 20;

/** How long the engine may take to say whether a command that ran out of time still runs, ms. */
const ANSWER_PATIENCE_MS = 1_000;

/**
 * Runs a command to its end. On time-out its process is killed, so that probes that hang do not pile up. The time-out holds
 * whatever the engine does, but for the moment it is asked: one that does not answer at all must not hold up a probe for ever.
 * @throws TimeoutError when the command still runs; RuntimeError when it is the engine that is late, which says nothing about
 *   the container
 */
export async function execSync(
  engine: Engine,
  id: string,
  command: readonly string[],
  timeoutMs: number,
): Promise<ExecResult> {
  const run = new Run(engine, id, command);
  const done = run.start();
  if (timeoutMs <= 0) return done;
  const result = await within(done, timeoutMs);
  if (result !== LATE) return result;
  // Nobody waits for it any more; what becomes of it is no news.
  done.catch(() => undefined);
  const stillRuns = await within(
    run.isRunning().catch(() => false),
    ANSWER_PATIENCE_MS,
  );
  run.abandon();
  const words = JSON.stringify(command.join(" "));
  if (stillRuns === true) throw new TimeoutError(`command ${words} timed out`);
  throw new RuntimeError(`the Docker engine has not run ${words} in ${timeoutMs / 1000} s`);
}

const LATE = Symbol("late");

async function within<T>(promise: Promise<T>, ms: number): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(resolve, ms, LATE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

class Run {
  #created: Exec | undefined;
  #connection: Duplex | undefined;
  #abandoned = false;

  constructor(
    private readonly engine: Engine,
    private readonly id: string,
    private readonly command: readonly string[],
  ) {}

  /** Its process is in the container. Not yet when the engine is slow, no longer when it is slow to tell. */
  async isRunning(): Promise<boolean> {
    return this.#created !== undefined && typeof (await execProcess(this.#created, this.id)) === "number";
  }

  async start(): Promise<ExecResult> {
    const container = this.engine.docker.getContainer(this.id);
    const created = await call(() =>
      container.exec({ Cmd: [...this.command], AttachStdout: true, AttachStderr: true }),
    );
    this.#created = created;
    if (this.#abandoned) throw new TimeoutError("abandoned before it was started");
    const connection = await call(() => created.start({ hijack: true, stdin: true }));
    this.#connection = connection;
    // The engine took longer than there was time: what it has started has to end.
    if (this.#abandoned) this.abandon();
    const stdout = new Collector();
    const stderr = new Collector();
    await connectStreams(connection, { stdout: stdout.stream, stderr: stderr.stream, tty: false });
    return { exitCode: await exitCode(created), stdout: stdout.text(), stderr: stderr.text() };
  }

  /** Ends what runs, as soon as the engine lets us know of it. */
  abandon(): void {
    this.#abandoned = true;
    const connection = this.#connection;
    if (!this.#created || !connection) return;
    killExec(this.#created, this.id)
      .catch((error) => this.engine.logger.warn({ err: error }, "a command that timed out was not ended"))
      .finally(() => connection.destroy());
  }
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
