/** What a process uses, as the kernel counts it. */
import { readFileSync } from "node:fs";
import { processStat } from "#agent/host/process-stat.js";

export function residentMegabytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)?.[1]) / 1024;
}

/** User and system time of a process so far, in clock ticks (100 a second). */
export const cpuTicks = (pid: number): number => processStat(pid)!.cpuTicks;
