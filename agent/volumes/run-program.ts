import { execFile } from "node:child_process";

/** Runs a program with arguments, never through a shell; resolves with its output, rejects with its standard error. */
export function runProgram(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, [...args], { timeout: 60_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command}: ${stderr.trim() || error.message}`));
      else resolve(stdout);
    });
  });
}
