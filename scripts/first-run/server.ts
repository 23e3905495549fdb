/** The server that quickstart runs: detached, known by the pid it wrote, log beside its data. */
import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { BERTH, berthCommand } from "#scripts/berth-command.js";
import { runAny } from "#scripts/run.js";

export const DATA = "/var/lib/berth";
export const STATE = join(DATA, "quickstart");
export const KUBECONFIG = join(DATA, "server/admin.kubeconfig");
const PID_FILE = join(STATE, "server.pid");
export const LOG = join(STATE, "server.log");

/** The id of the running server, checked against its command line so that a reused id is never ours. */
export function serverPid(): number | undefined {
  if (!existsSync(PID_FILE)) return undefined;
  const pid = Number(readFileSync(PID_FILE, "utf8"));
  const file = `/proc/${pid}/cmdline`;
  if (!existsSync(file)) return undefined;
  return readFileSync(file, "utf8").split("\0").includes("server") ? pid : undefined;
}

export function startServer(): number {
  mkdirSync(STATE, { recursive: true, mode: 0o700 });
  const log = openSync(LOG, "a", 0o600);
  const [node, ...command] = berthCommand();
  const child = spawn(node!, [...command, "server", "--data-dir", DATA], {
    detached: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  child.unref();
  if (child.pid === undefined) throw new Error("berth server could not be started");
  writeFileSync(PID_FILE, String(child.pid));
  return child.pid;
}

/** Polls `check` until it yields something; says where to look when it never does. */
export async function until<T>(what: string, timeoutMs: number, check: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    if (serverPid() === undefined) throw new Error(`berth server has ended; see ${LOG}`);
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs / 1000} s; see ${LOG}`);
    await sleep(100);
  }
}

export async function stopServer(): Promise<void> {
  const pid = serverPid();
  if (pid === undefined) return;
  process.kill(pid, "SIGTERM");
  for (let i = 0; serverPid() !== undefined; i++) {
    if (i === 100) process.kill(pid, "SIGKILL");
    await sleep(100);
  }
}

export async function reset(): Promise<string> {
  const { code, stdout, stderr } = await runAny(process.execPath, [BERTH, "reset", "--yes", "--data-dir", DATA]);
  if (code !== 0) throw new Error(stderr || stdout);
  return stdout;
}
