import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const made: string[] = [];

process.on("exit", () => {
  for (const path of made) rmSync(path, { recursive: true, force: true });
});

/** A new directory that goes when the test process does. */
export function temporaryDirectory(prefix: string, parent = tmpdir()): string {
  const path = mkdtempSync(join(parent, prefix));
  made.push(path);
  return path;
}

/** The same in memory where that is to be had: for stores whose durability is not what is tested. */
export function memoryDirectory(prefix: string): string {
  return temporaryDirectory(prefix, existsSync("/dev/shm") ? "/dev/shm" : undefined);
}
