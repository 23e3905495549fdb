/** Schedules of CronJobs. https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax */
import { Cron } from "croner";

/** What the library knows beyond the five fields of cron: last days, nearest weekdays, seconds. */
const FOREIGN = /[#]|\b\d*[LW]\b/i;
const MACRO = /^@(yearly|annually|monthly|weekly|daily|midnight|hourly)$/;

export class CronSchedule {
  readonly #cron: Cron;

  /**
   * @param timeZone IANA name; absent: the control plane's own
   * @throws Error that says what is wrong with it
   */
  constructor(schedule: string, timeZone?: string) {
    if (schedule.startsWith("@") && !MACRO.test(schedule)) throw new Error(`unrecognized descriptor: ${schedule}`);
    if (!schedule.startsWith("@") && FOREIGN.test(schedule)) throw new Error(`failed to parse ${schedule}`);
    this.#cron = new Cron(schedule, { mode: "5-part", paused: true, timezone: timeZone || undefined });
  }

  /** The first time after `ms`; undefined: never again. Both in milliseconds since the epoch. */
  after(ms: number): number | undefined {
    return this.#cron.nextRun(new Date(ms))?.getTime();
  }

  /** The last time at or before `ms`, likewise. */
  before(ms: number): number | undefined {
    // The library looks strictly before, by the second.
    const next = new Date(Math.floor(ms / 1000) * 1000 + 1000);
    return this.#cron.previousRuns(1, next)[0]?.getTime();
  }
}

export function isTimeZone(name: string): boolean {
  // A path or an offset is none, though the platform takes some.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
