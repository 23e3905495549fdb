import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";

const NICENESS = -10;
const SESSION_WEIGHT = "/proc/self/autogroup";

/**
 * Puts the calling thread before what else keeps a node busy: every Pod waits for names, and a name is microseconds of work.
 * @throws Error when the kernel does not allow it
 */
export function hurry(): void {
  // On Linux that is the thread that calls, and no other.
  setPriority(0, NICENESS);
  // Where the kernel divides its time among sessions first, a thread comes no sooner than its session does: sched(7). A
  // session that is not the agent's own, a person's terminal, stays as it is.
  if (existsSync(SESSION_WEIGHT) && leadsSession()) writeFileSync(SESSION_WEIGHT, String(NICENESS));
}

function leadsSession(): boolean {
  const stat = readFileSync("/proc/self/stat", "utf8");
  const [, , , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(session) === process.pid;
}
