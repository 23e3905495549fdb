import { readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { meminfo } from "../host/machine.js";
import { RESERVED_MEMORY } from "./capacity.js";

/** True: the node has too little left of it. */
export interface Pressure {
  memory: boolean;
  disk: boolean;
  pids: boolean;
}

/** Free share of blocks or inodes below which the disk counts as full. */
const MIN_FREE_SHARE = 0.05;
const MAX_PID_SHARE = 0.95;

/** @param folders one on each file system that Pods fill: the agent's data and the engine's */
export async function measurePressure(folders: readonly string[]): Promise<Pressure> {
  const full = await Promise.all(folders.map(isFull));
  return { memory: meminfo().available < RESERVED_MEMORY, disk: full.includes(true), pids: pidShare() > MAX_PID_SHARE };
}

async function isFull(folder: string): Promise<boolean> {
  const { blocks, bavail, files, ffree } = await statfs(folder);
  // Some file systems count no inodes.
  return bavail < blocks * MIN_FREE_SHARE || (files > 0 && ffree < files * MIN_FREE_SHARE);
}

/** Share of the kernel's process ids in use: threads are the second half of the fourth field of /proc/loadavg. */
function pidShare(): number {
  const threads = Number(readFileSync("/proc/loadavg", "utf8").split(" ")[3]?.split("/")[1] ?? 0);
  return threads / Number(readFileSync("/proc/sys/kernel/pid_max", "utf8"));
}

/** Bytes the file system of `folder` can hold. */
export async function storageSize(folder: string): Promise<number> {
  const { blocks, bsize } = await statfs(folder);
  return blocks * bsize;
}
