import type { Duplex } from "node:stream";
import { PassThrough } from "node:stream";
import type { Exec } from "dockerode";
import { processAge } from "../../host/process-stat.js";
import { type ExecResult, RuntimeError, TimeoutError } from "../runtime.js";
import { call, type Engine } from "./engine.js";
import { connectStreams, execProcess, exitCode, killExec } from "./exec.js";

/** Output beyond this many bytes a stream is dropped: a probe's or a hook's words, not a file transfer. */
const MAX_OUTPUT = 1 << 20;

/** How much longer than its own time a command may take for the engine's sake, ms. */
const ENGINE_PATIENCE_MS = 5_000;

/** Between two questions whether the command has started or ended, ms. */
const PAUSE_MS = 100;

/**
 * Runs a command to its end. On time-out its process is killed, so that probes that hang do not pile up. The time counts from
 * the command's own start: an engine that is slow to start it, or to tell of its end, says nothing about the container. It is
 * waited for only so long: one that does not answer at all must not hold up a probe for ever.
 * @param timeoutMs 0 is no limit
 * @throws TimeoutError when the command has run for that long; RuntimeError when it is the engine that is late
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
  const deadline = performance.now() + timeoutMs + ENGINE_PATIENCE_MS;
  for (let left = timeoutMs; ; ) {
    const result = await within(done, left);
    if (result !== LATE) return result;
    const asked = run.age().catch(() => undefined);
    const age = await within(asked, Math.max(0, deadline - performance.now()));
    const ran = typeof age === "number" ? age : undefined;
    const over = ran === undefined ? performance.now() >= deadline : ran >= timeoutMs;
    if (over) {
      // Nobody waits for it any more; what becomes of it is no news.
      done.catch(() => undefined);
      run.abandon();
      throw lateness(command, timeoutMs, ran);
    }
    left = ran === undefined ? PAUSE_MS : timeoutMs - ran;
  }
}

function lateness(command: readonly string[], timeoutMs: number, ran: number | undefined): Error {
  const words = JSON.stringify(command.join(" "));
  if (ran !== undefined) return new TimeoutError(`command ${words} timed out`);
  return new RuntimeError(`the Docker engine has not run ${words} in ${timeoutMs / 1000} s`);
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
  readonly #abandoned = new AbortController();

  constructor(
    private readonly engine: Engine,
    private readonly id: string,
    private readonly command: readonly string[],
  ) {}

  /** For how long its process has run, ms. Undefined before it does (the engine is slow), and after (slow to tell). */
  async age(): Promise<number | undefined> {
    const found = this.#created && (await execProcess(this.#created, this.id));
    return typeof found === "number" ? processAge(found) : undefined;
  }

  async start(): Promise<ExecResult> {
    const container = this.engine.docker.getContainer(this.id);
    const created = await call(() =>
      container.exec({ Cmd: [...this.command], AttachStdout: true, AttachStderr: true }),
    );
    this.#created = created;
    if (this.#abandoned.signal.aborted) throw new TimeoutError("abandoned before it was started");
    const connection = await call(() => created.start({ hijack: true, stdin: true }));
    this.#connection = connection;
    // The engine took longer than there was time: what it has started has to end.
    if (this.#abandoned.signal.aborted) this.abandon();
    const stdout = new Collector();
    const stderr = new Collector();
    await connectStreams(connection, { stdout: stdout.stream, stderr: stderr.stream, tty: false });
    return { exitCode: await exitCode(created, this.#abandoned.signal), stdout: stdout.text(), stderr: stderr.text() };
  }

  /** Ends what runs, as soon as the engine lets us know of it. */
  abandon(): void {
    this.#abandoned.abort();
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
