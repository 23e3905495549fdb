/** What a cgroup uses, read from its files. cgroups(7); the working set is what the kubelet calls so: usage without inactive files. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type CgroupLayout, cgroupFolder } from "../host/cgroup-layout.js";

export interface CgroupUsage {
  /** Since the cgroup was made. */
  cpuSeconds: number;
  /** Bytes. */
  workingSet: number;
}

/** Undefined when there is no such cgroup (any more). @param path relative to the cgroup mount */
export async function cgroupUsage(layout: CgroupLayout, path: string): Promise<CgroupUsage | undefined> {
  try {
    const [cpuSeconds, usage, memoryStat] = await (layout.version === 2 ? readV2(layout, path) : readV1(layout, path));
    const inactive = field(memoryStat, layout.version === 2 ? "inactive_file" : "total_inactive_file");
    return { cpuSeconds, workingSet: Math.max(0, usage - inactive) };
  } catch (error) {
    if (["ENOENT", "ENODEV"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

type Readings = [cpuSeconds: number, memoryBytes: number, memoryStat: string];

async function readV1(layout: CgroupLayout, path: string): Promise<Readings> {
  const cpu = cgroupFolder(layout, "cpuacct", path);
  const memory = cgroupFolder(layout, "memory", path);
  const [nanoseconds, usage, stat] = await Promise.all([
    text(cpu, "cpuacct.usage"),
    text(memory, "memory.usage_in_bytes"),
    text(memory, "memory.stat"),
  ]);
  return [Number(nanoseconds) / 1e9, Number(usage), stat];
}

async function readV2(layout: CgroupLayout, path: string): Promise<Readings> {
  const folder = cgroupFolder(layout, "", path);
  const [cpu, current, stat] = await Promise.all([
    text(folder, "cpu.stat"),
    text(folder, "memory.current"),
    text(folder, "memory.stat"),
  ]);
  return [field(cpu, "usage_usec") / 1e6, Number(current), stat];
}

const text = (folder: string, file: string) => readFile(join(folder, file), "utf8");

/** The number after a name in "name value" lines. */
function field(lines: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(lines)?.[1] ?? 0);
}
