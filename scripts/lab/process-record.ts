/** How a lab remembers a process: by id and start time, so that a reused id is never taken for ours. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab, LabNode } from "./state.js";

export type ProcessName = "server" | "agent" | "dockerd" | "init";

export interface ProcessRecord {
  pid: number;
  /** Field 22 of /proc/<pid>/stat, in clock ticks since boot. */
  startTime: string;
}

export const recordFile = (lab: Lab, node: LabNode, name: ProcessName) => join(lab.nodeDirectory(node), "pids", name);

/** Undefined when there is no such file, or it went while it was read, as those of /proc do. */
export function readIfPresent(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** Undefined for a process that is not there, or has ended and was not collected yet. */
export function startTimeOf(pid: number): string | undefined {
  const stat = readIfPresent(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? undefined : fields[19];
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
