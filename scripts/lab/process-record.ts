/** How a lab remembers a process: by id and start time, so that a reused id is never taken for ours. */
import { join } from "node:path";
import { readIfPresent } from "#agent/host/durable-file.js";
import { processStat } from "#agent/host/process-stat.js";
import type { Lab, LabNode } from "./state.js";

export type ProcessName = "server" | "agent" | "dockerd" | "init";

export interface ProcessRecord {
  pid: number;
  /** Field 22 of /proc/<pid>/stat, in clock ticks since boot. */
  startTime: string;
}

export const recordFile = (lab: Lab, node: LabNode, name: ProcessName) => join(lab.nodeDirectory(node), "pids", name);

/** Undefined for a process that is not there, or has ended and was not collected yet. */
export function startTimeOf(pid: number): string | undefined {
  const stat = processStat(pid);
  return stat?.state === "Z" ? undefined : stat?.startTicks;
}

/** The id of a lab process, undefined when it does not run. */
export function recordedProcess(lab: Lab, node: LabNode, name: ProcessName): number | undefined {
  const text = readIfPresent(recordFile(lab, node, name));
  if (text === undefined) return undefined;
  const record: ProcessRecord = JSON.parse(text);
  return startTimeOf(record.pid) === record.startTime ? record.pid : undefined;
}

/** The first child of a process, undefined when it has none. */
export function firstChild(pid: number): number | undefined {
  const children = readIfPresent(`/proc/${pid}/task/${pid}/children`)?.trim();
  return children ? Number(children.split(" ")[0]) : undefined;
}
