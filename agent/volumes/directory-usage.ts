import { execFile } from "node:child_process";

/**
 * Bytes that a directory takes on its own file system. Counted in another process, for it may be large. A file that goes
 * while they are counted makes du complain, but the sum is there.
 */
export function directoryUsage(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    execFile("du", ["-skx", path], { timeout: 60_000 }, (error, stdout) => {
      const sum = /^(\d+)\s/.exec(stdout);
      if (sum) resolve(Number(sum[1]) * 1024);
      else reject(error ?? new Error(`du says nothing about ${path}`));
    });
  });
}
