import { spawn } from "node:child_process";
import { readdir, rm, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** What an engine puts into every container, whatever the image. */
const OF_THE_ENGINE = [".dockerenv", "dev", "proc", "sys"];
/** Empty there; an image may have its own. */
const EMPTY_OF_THE_ENGINE = ["etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/mtab"];

/** Unpacks an image's file system, as the runtime exports it, into an empty directory. */
export async function unpackImage(tar: Readable, directory: string): Promise<void> {
  const excluded = OF_THE_ENGINE.map((name) => `--exclude=${name}`);
  const args = ["--extract", "--same-owner", "--preserve-permissions", "--numeric-owner", "--anchored", ...excluded];
  const child = spawn("tar", [...args, `--directory=${directory}`], { stdio: ["pipe", "ignore", "pipe"] });
  let complaint = "";
  child.stderr.on("data", (chunk) => {
    complaint += chunk;
  });
  const ended = new Promise<number | null>((resolve, reject) => child.on("error", reject).on("close", resolve));
  const [code] = await Promise.all([ended, pipeline(tar, child.stdin)]);
  if (code !== 0) throw new Error(`tar: ${complaint.trim() || `exit code ${code}`}`);
  for (const name of EMPTY_OF_THE_ENGINE) await removeIfEmpty(join(directory, name));
  const etc = join(directory, "etc");
  if ((await readdir(etc).catch(() => undefined))?.length === 0) await rmdir(etc);
}

/** A link that leads nowhere is empty too. */
async function removeIfEmpty(path: string): Promise<void> {
  const size = await stat(path).then(
    (stats) => stats.size,
    () => 0,
  );
  if (size === 0) await rm(path, { force: true });
}
