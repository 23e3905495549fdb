/** Runs programs with argument lists, never through a shell. */
import { spawn } from "node:child_process";

export interface RunOptions {
  input?: string;
  env?: NodeJS.ProcessEnv;
  /** Milliseconds; then the program is killed and the promise rejects. */
  timeoutMs?: number;
  cwd?: string;
}

export interface RunResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Resolves with exit code and output, whatever the code is. Rejects when the program cannot be started or is too slow. */
export function runAny(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: options.env ?? process.env,
      cwd: options.cwd,
      timeout: options.timeoutMs,
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk) => out.push(chunk));
    child.stderr.on("data", (chunk) => err.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const stderr = Buffer.concat(err).toString();
      if (code === null) reject(new Error(`${command} ${args.join(" ")} ended by ${signal}: ${stderr}`));
      else resolve({ code, stdout: Buffer.concat(out).toString(), stderr });
    });
    child.stdin.on("error", () => undefined); // a program may end without reading its input
    child.stdin.end(options.input ?? "");
  });
}

/** Standard output of a program that must succeed. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runAny(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed (${code}): ${(stderr || stdout).trim()}`);
  return stdout;
}

/** Runs a program on this terminal; resolves with its exit code. */
export function runInherited(command: string, args: readonly string[], env = process.env): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit", env });
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 1)));
  });
}
