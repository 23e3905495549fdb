import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";

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

/**
 * Tells a systemd that started this process how long its end may take from now, whatever the unit's TimeoutStopSec.
 * https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html, EXTEND_TIMEOUT_USEC
 * @throws Error when it cannot be told
 */
export async function askForStopTime(seconds: number): Promise<void> {
  if (!process.env.NOTIFY_SOCKET) return;
  await promisify(execFile)("systemd-notify", [`EXTEND_TIMEOUT_USEC=${seconds * 1_000_000}`], { timeout: 5_000 });
}
