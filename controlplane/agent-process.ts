/**
 * The agent of the server's own host: a process of its own, so that neither takes the other down. It is started again
 * when it dies; a server that starts finds the agent its predecessor left behind by the pid file, and keeps it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Logger } from "pino";

export interface AgentProcessOptions {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Environment besides the server's own: called for every start, so that a join token is fresh. */
  environment(): Promise<Record<string, string>>;
  readonly pidFile: string;
  readonly logFile: string;
  readonly logger: Logger;
}

/** Which process: the start time tells it from a later one with the same number. */
interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot, as in /proc/<pid>/stat. */
  readonly startTime: string;
}

const LOOK_AGAIN_MS = 2_000;
const FIRST_DELAY_MS = 500;
const LAST_DELAY_MS = 30_000;
/** An agent that ran this long was well: its next start need not wait. */
const STABLE_MS = 60_000;
const STOP_GRACE_MS = 10_000;

export class AgentProcess {
  #current: ProcessId | undefined;
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #delay = FIRST_DELAY_MS;

  constructor(private readonly options: AgentProcessOptions) {}

  async start(): Promise<void> {
    const known = readPidFile(this.options.pidFile);
    if (known && isAlive(known)) {
      this.options.logger.info({ pid: known.pid }, "the agent of this host still runs");
      this.#current = known;
      this.#watch(known);
    } else await this.#spawn();
  }

  /** Ends the agent; its containers go on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const current = this.#current;
    if (!current || !isAlive(current)) return;
    process.kill(current.pid, "SIGTERM");
    const end = Date.now() + STOP_GRACE_MS;
    while (isAlive(current) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
    if (isAlive(current)) process.kill(current.pid, "SIGKILL");
    rmSync(this.options.pidFile, { force: true });
  }

  async #spawn(): Promise<void> {
    const { command, environment, pidFile, logFile, logger } = this.options;
    const [program, ...args] = command;
    const env = { ...process.env, ...(await environment()) };
    if (this.#stopped) return;
    mkdirSync(dirname(logFile), { recursive: true, mode: 0o700 });
    // A file, not a pipe: the agent must be able to write when the server is gone.
    const log = openSync(logFile, "a", 0o600);
    const child = spawn(program!, args, { detached: true, stdio: ["ignore", log, log], env });
    closeSync(log);
    const began = Date.now();
    child.on("error", (error) => logger.error({ err: error }, "cannot start the agent"));
    child.on("exit", (code, signal) => this.#ended(code, signal, began));
    child.unref();
    this.#current = remember(child, pidFile);
  }

  #ended(code: number | null, signal: string | null, began: number): void {
    if (this.#stopped) return;
    if (Date.now() - began > STABLE_MS) this.#delay = FIRST_DELAY_MS;
    const { logger, logFile } = this.options;
    logger.warn({ code, signal, logFile, againInMs: this.#delay }, "the agent of this host ended");
    this.#later(this.#delay, () => this.#spawn());
    this.#delay = Math.min(this.#delay * 2, LAST_DELAY_MS);
  }

  /** An agent that is no child of ours tells nobody when it ends. */
  #watch(process: ProcessId): void {
    this.#later(LOOK_AGAIN_MS, async () => {
      if (isAlive(process)) this.#watch(process);
      else await this.#spawn();
    });
  }

  #later(delay: number, action: () => Promise<void>): void {
    this.#timer = setTimeout(() => {
      action().catch((error) => {
        this.options.logger.error({ err: error }, "cannot start the agent");
        if (!this.#stopped) this.#later(LAST_DELAY_MS, () => this.#spawn());
      });
    }, delay);
  }
}

function remember(child: ChildProcess, pidFile: string): ProcessId | undefined {
  if (child.pid === undefined) return undefined;
  const id = { pid: child.pid, startTime: startTime(child.pid) ?? "" };
  writeFileSync(pidFile, `${id.pid} ${id.startTime}\n`, { mode: 0o600 });
  return id;
}

function readPidFile(path: string): ProcessId | undefined {
  try {
    const [pid, start = ""] = readFileSync(path, "utf8").trim().split(" ");
    return Number(pid) > 0 ? { pid: Number(pid), startTime: start } : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

const isAlive = ({ pid, startTime: start }: ProcessId) => start !== "" && startTime(pid) === start;

/** The 22nd field, counted behind the program's name, which may hold anything. Undefined when there is no such process. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // A zombie has ended; its parent has not been told yet.
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
