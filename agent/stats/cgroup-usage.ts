/** What a cgroup uses, read from its files. cgroups(7); the working set is what the kubelet calls so: usage without inactive files. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type CgroupLayout, cgroupFolder } from "../host/cgroup-layout.js";

export interface CgroupUsage {
  /** Since the cgroup was made. */
  cpuSeconds: number;
  /** Bytes, all of them. */
  workingSet: number;
  memory: number;
  /** Anonymous memory; swap included where it is counted. */
  rss: number;
  /** Absent when it has none. */
  memoryLimit?: number;
  /** Absent where swap is not counted. */
  swap?: number;
  pageFaults: number;
  majorPageFaults: number;
  /** Processes and threads; absent where they are not counted. */
  pids?: number;
}

export const NO_USAGE: CgroupUsage = {
  cpuSeconds: 0,
  workingSet: 0,
  memory: 0,
  rss: 0,
  pageFaults: 0,
  majorPageFaults: 0,
};

/** Undefined when there is no such cgroup (any more). @param path relative to the cgroup mount */
export async function cgroupUsage(layout: CgroupLayout, path: string): Promise<CgroupUsage | undefined> {
  try {
    return await (layout.version === 2 ? readV2(layout, path) : readV1(layout, path));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

async function readV1(layout: CgroupLayout, path: string): Promise<CgroupUsage> {
  const cpu = cgroupFolder(layout, "cpuacct", path);
  const memory = cgroupFolder(layout, "memory", path);
  const [nanoseconds, usage, stat, limit, pids] = await Promise.all([
    text(cpu, "cpuacct.usage"),
    text(memory, "memory.usage_in_bytes"),
    text(memory, "memory.stat"),
    optional(memory, "memory.limit_in_bytes"),
    optional(cgroupFolder(layout, "pids", path), "pids.current"),
  ]);
  const memoryUsed = Number(usage);
  return {
    cpuSeconds: Number(nanoseconds) / 1e9,
    workingSet: Math.max(0, memoryUsed - field(stat, "total_inactive_file")),
    memory: memoryUsed,
    rss: field(stat, "total_rss"),
    pageFaults: field(stat, "total_pgfault"),
    majorPageFaults: field(stat, "total_pgmajfault"),
    ...numbers({ memoryLimit: limited(limit), swap: presentField(stat, "total_swap"), pids: whole(pids) }),
  };
}

async function readV2(layout: CgroupLayout, path: string): Promise<CgroupUsage> {
  const folder = cgroupFolder(layout, "", path);
  const [cpu, current, stat, limit, swap, pids] = await Promise.all([
    text(folder, "cpu.stat"),
    text(folder, "memory.current"),
    text(folder, "memory.stat"),
    optional(folder, "memory.max"),
    optional(folder, "memory.swap.current"),
    optional(folder, "pids.current"),
  ]);
  const memoryUsed = Number(current);
  return {
    cpuSeconds: field(cpu, "usage_usec") / 1e6,
    workingSet: Math.max(0, memoryUsed - field(stat, "inactive_file")),
    memory: memoryUsed,
    rss: field(stat, "anon"),
    pageFaults: field(stat, "pgfault"),
    majorPageFaults: field(stat, "pgmajfault"),
    ...numbers({ memoryLimit: limited(limit), swap: whole(swap), pids: whole(pids) }),
  };
}

/** A process in the cgroup; undefined when it has none, or none that can be seen from here. */
export async function processIn(layout: CgroupLayout, path: string): Promise<number | undefined> {
  const ids = await optional(cgroupFolder(layout, "memory", path), "cgroup.procs");
  // Processes of another pid namespace are listed as 0.
  return ids?.split("\n").map(Number).find(Boolean);
}

const text = (folder: string, file: string) => readFile(join(folder, file), "utf8");

function optional(folder: string, file: string): Promise<string | undefined> {
  return text(folder, file).catch((error) => {
    if (isGone(error)) return undefined;
    throw error;
  });
}

const isGone = (error: unknown) => ["ENOENT", "ENODEV"].includes((error as NodeJS.ErrnoException).code ?? "");

const whole = (value: string | undefined) => (value === undefined ? undefined : Number(value));

/** Version 1 writes the largest number of pages there can be for "no limit", version 2 "max". */
function limited(value: string | undefined): number | undefined {
  const limit = Number(value);
  return Number.isNaN(limit) || limit >= 2 ** 62 ? undefined : limit;
}

function numbers<T extends Record<string, number | undefined>>(values: T): { [K in keyof T]?: number } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: number;
  };
}

/** The number after a name in "name value" lines. */
const field = (lines: string, name: string) => presentField(lines, name) ?? 0;

function presentField(lines: string, name: string): number | undefined {
  const value = new RegExp(`^${name} (\\d+)$`, "m").exec(lines)?.[1];
  return value === undefined ? undefined : Number(value);
}
