import { execFile } from "node:child_process";
import { existsSync } from "node:fs";

/** Is the host itself going down? Only systemd tells; on a host without it the answer is no. */
export function isSystemStopping(): Promise<boolean> {
  if (!existsSync("/run/systemd/system")) return Promise.resolve(false);
  return new Promise((resolve) => {
    // Any state but "running" makes it exit with a failure: what it prints is what counts.
    execFile("systemctl", ["is-system-running"], { timeout: 5_000 }, (_error, stdout) =>
      resolve(stdout.trim() === "stopping"),
    );
  });
}
