/** How much of a disk is taken: by whole folders, by log files, and of the file system as a whole. */
import { execFile } from "node:child_process";
import { readdir, stat, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ifPresent } from "../host/if-present.js";

/**
 * Bytes that each of the directories takes on its own file system; those that cannot be counted are left out. Counted in
 * another process, for they may be large, and in one for all. A file that goes meanwhile makes du complain, but the sums are
 * there.
 */
export function directoryUsages(paths: readonly string[]): Promise<Map<string, number>> {
  if (paths.length === 0) return Promise.resolve(new Map());
  return new Promise((resolve, reject) => {
    const limits = { timeout: 60_000, maxBuffer: 16 * 1024 * 1024 };
    execFile("du", ["-skx", "--", ...paths], limits, (error, stdout) => {
      const lines = stdout.split("\n").filter(Boolean);
      if (error && lines.length === 0 && error.code !== 1) reject(error);
      else
        resolve(new Map(lines.map((line) => [line.slice(line.indexOf("\t") + 1), Number.parseInt(line, 10) * 1024])));
    });
  });
}

const BLOCK = 512;

/** Bytes that a container's log takes, with the older parts that the engine keeps beside it. */
export async function logUsage(path: string): Promise<number> {
  const folder = dirname(path);
  const files = await ifPresent(readdir(folder));
  const parts = (files ?? []).filter((file) => file.startsWith(basename(path)));
  const sizes = await Promise.all(parts.map((file) => blocksOf(join(folder, file))));
  return sizes.reduce((sum, blocks) => sum + blocks * BLOCK, 0);
}

async function blocksOf(path: string): Promise<number> {
  return (await ifPresent(stat(path)))?.blocks ?? 0;
}

/** Bytes and inodes of a file system. `available` is what others than root can still have. */
export interface FileSystemUsage {
  capacity: number;
  available: number;
  used: number;
  /** 0 on file systems that count no inodes. */
  inodes: number;
  inodesFree: number;
}

export async function fileSystemUsage(folder: string): Promise<FileSystemUsage> {
  const { blocks, bsize, bavail, bfree, files, ffree } = await statfs(folder);
  return {
    capacity: blocks * bsize,
    available: bavail * bsize,
    used: (blocks - bfree) * bsize,
    inodes: files,
    inodesFree: ffree,
  };
}
