/** What the whole node uses. */
import { readFile } from "node:fs/promises";
import { type CgroupUsage, cgroupUsage, NO_USAGE } from "./cgroup-usage.js";
import type { StatsSource } from "./readings.js";

/** Clock ticks a second in /proc/stat: fixed in Linux' interface to user space. */
const TICKS = 100;

/**
 * A node that has its host for itself uses what the host uses. Nodes that share a host (a lab's) use what their Pods and
 * their agent use; what else runs there is nobody's.
 */
export async function nodeUsage({
  layout,
  cgroupRoot,
}: Pick<StatsSource, "layout" | "cgroupRoot">): Promise<CgroupUsage> {
  if (cgroupRoot === "/")
    return hostUsage(await readFile("/proc/stat", "utf8"), await readFile("/proc/meminfo", "utf8"));
  const pods = (await cgroupUsage(layout, cgroupRoot)) ?? NO_USAGE;
  const own = agentUsage();
  return {
    ...pods,
    cpuSeconds: pods.cpuSeconds + own.cpuSeconds,
    memory: pods.memory + own.memory,
    workingSet: pods.workingSet + own.workingSet,
    rss: pods.rss + own.rss,
  };
}

/** This process. */
export function agentUsage(): CgroupUsage {
  const { user, system } = process.cpuUsage();
  const { rss } = process.memoryUsage;
  const bytes = rss();
  const { minorPageFault, majorPageFault } = process.resourceUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    workingSet: bytes,
    memory: bytes,
    rss: bytes,
    pageFaults: minorPageFault,
    majorPageFaults: majorPageFault,
  };
}

/** As cAdvisor has it for the root cgroup, which has no counters of its own everywhere: all that is not free. */
export function hostUsage(stat: string, meminfo: string): CgroupUsage {
  const [, user, nice, system, , , irq, softirq] = stat.split("\n")[0]!.split(/\s+/).map(Number);
  const bytes = (name: string) =>
    Number(new RegExp(`^${name.replace(/[()]/g, "\\$&")}:\\s+(\\d+) kB$`, "m").exec(meminfo)?.[1] ?? 0) * 1024;
  const memory = bytes("MemTotal") - bytes("MemFree");
  return {
    cpuSeconds: (user! + nice! + system! + irq! + softirq!) / TICKS,
    memory,
    workingSet: Math.max(0, memory - bytes("Inactive(file)")),
    rss: bytes("AnonPages"),
    swap: bytes("SwapTotal") - bytes("SwapFree"),
    pageFaults: 0,
    majorPageFaults: 0,
  };
}
