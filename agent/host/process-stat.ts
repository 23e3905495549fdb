/** What the kernel tells of a process in one line. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
import { readFileSync } from "node:fs";
import { readIfPresent } from "./durable-file.js";

/** Clock ticks a second in what the kernel shows to programs: the same on each architecture that Node.js runs on. */
const TICKS_PER_SECOND = 100;

export interface ProcessStat {
  /** One letter: "Z" has ended and was not collected yet. */
  readonly state: string;
  /** Clock ticks, user and system, the process has run so far. */
  readonly cpuTicks: number;
  /** Clock ticks from the machine's start to the process': with its id it names one process for ever, an id is given again. */
  readonly startTicks: string;
}

/** Undefined for a process that is not there. */
export function processStat(pid: number): ProcessStat | undefined {
  const text = readIfPresent(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The program's name, in parentheses, may hold spaces and parentheses.
  const [state = "", ...fields] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state, cpuTicks: Number(fields[10]) + Number(fields[11]), startTicks: fields[18] ?? "" };
}

/** Milliseconds since the process was started, undefined when it does not run. */
export function processAge(pid: number): number | undefined {
  const stat = processStat(pid);
  if (!stat || stat.state === "Z") return undefined;
  const uptime = Number.parseFloat(readFileSync("/proc/uptime", "utf8"));
  return (uptime - Number(stat.startTicks) / TICKS_PER_SECOND) * 1000;
}
