import { readFile } from "node:fs/promises";
import { fileSystemUsage } from "../stats/disk-usage.js";
import type { Observation, Observations, Signal } from "./signals.js";

export interface ObservedNode {
  /** Bytes of memory that the node has, and that it uses. */
  memory: number;
  usedMemory(): Promise<number>;
  /** A folder on the file system of the Pods' data and logs, and one on that of images. */
  nodeFolder: string;
  imageFolder: string;
}

/** Looks at the node now. */
export async function observeNode({
  memory,
  usedMemory,
  nodeFolder,
  imageFolder,
}: ObservedNode): Promise<Observations> {
  const [used, node, images, pids] = await Promise.all([
    usedMemory(),
    fileSystem("nodefs", nodeFolder),
    fileSystem("imagefs", imageFolder),
    processIds(),
  ]);
  return new Map<Signal, Observation>([
    ["memory.available", { available: Math.max(0, memory - used), capacity: memory }],
    ...node,
    ...images,
    ["pid.available", pids],
  ]);
}

async function fileSystem(name: "nodefs" | "imagefs", folder: string): Promise<[Signal, Observation][]> {
  const { available, capacity, inodes, inodesFree } = await fileSystemUsage(folder);
  const bytes: [Signal, Observation] = [`${name}.available`, { available, capacity }];
  // Some file systems count no inodes.
  return inodes > 0 ? [bytes, [`${name}.inodesFree`, { available: inodesFree, capacity: inodes }]] : [bytes];
}

/** Threads have ids too; how many there are is the second half of the fourth field of /proc/loadavg. */
async function processIds(): Promise<Observation> {
  const files = ["/proc/loadavg", "/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max"];
  const [load = "", ...limits] = await Promise.all(files.map((file) => readFile(file, "utf8")));
  const running = Number(load.split(" ")[3]?.split("/")[1] ?? 0);
  const capacity = Math.min(...limits.map(Number));
  return { available: Math.max(0, capacity - running), capacity };
}
