/** Starts programs with argument lists; nothing here ever sees a shell. */
import { spawn } from "node:child_process";

export interface CommandOptions {
  input?: string;
  env?: NodeJS.ProcessEnv;
  /** After this the program is killed and the call fails. Default 30 s. */
  timeoutMillis?: number;
}

export interface CommandResult {
  /** -1 when a signal ended it. */
  code: number;
  stdout: string;
  stderr: string;
}

export class CommandError extends Error {
  constructor(
    readonly command: string,
    readonly result: CommandResult,
  ) {
    super(`${command}: ${result.stderr.trim() || result.stdout.trim() || `exit code ${result.code}`}`);
    this.name = "CommandError";
  }
}

/** Runs to the end, whatever the exit code. @throws Error when the program cannot be started or takes too long */
export function tryCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const timeout = options.timeoutMillis ?? 30_000;
    const child = spawn(command, args, { env: options.env, stdio: ["pipe", "pipe", "pipe"] });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, timeout);
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(new Error(`cannot run ${command}: ${error.message}`));
    });
    child.on("close", (code) => {
      clearTimeout(timer);
      if (timedOut) reject(new Error(`${command}: no answer within ${timeout} ms`));
      else
        resolve({
          code: code ?? -1,
          stdout: Buffer.concat(stdout).toString(),
          stderr: Buffer.concat(stderr).toString(),
        });
    });
    // A program that ends before it has read its input says why by its exit code, not by our EPIPE.
    child.stdin.on("error", () => child.stdin.destroy());
    child.stdin.end(options.input ?? "");
  });
}

/** @returns what the program printed. @throws CommandError when it fails */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const result = await tryCommand(command, args, options);
  if (result.code !== 0) throw new CommandError([command, ...args].join(" "), result);
  return result.stdout;
}
