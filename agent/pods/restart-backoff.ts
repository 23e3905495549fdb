/**
 * When a container that ended may be started again
 * (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-restarts): at once the first time, then
 * after 10, 20, 40 s up to five minutes; from the start again after a run of ten minutes. The delay that preceded a
 * start is a label of the container, so that a restarted agent goes on where the old one was.
 */
import type { ContainerState } from "../runtime/runtime.js";
import { endedAt } from "./pod-view.js";

export interface RestartBackoff {
  /** All in milliseconds. */
  initial: number;
  max: number;
  resetAfter: number;
}

export const DEFAULT_RESTART_BACKOFF: RestartBackoff = { initial: 10_000, max: 300_000, resetAfter: 600_000 };

/** A container cannot have ended later than this much from now, ms: the clock was set back since. */
const CLOCK_TOLERANCE = 1_000;

/** Label of a container: milliseconds that its start was held back; absent on a container that was never restarted. */
export const RESTART_DELAY_LABEL = "io.berth.restart-delay";

export interface NextStart {
  /** Milliseconds to wait, counted from the container's end. */
  delay: number;
  /** Milliseconds since the epoch. */
  at: number;
}

/** @param now milliseconds since the epoch. After an end in its future nobody knows how long ago that was: no wait then. */
export function nextStart(ended: ContainerState, backoff: RestartBackoff, now: number): NextStart {
  const delay = nextDelay(ended, backoff);
  const end = endedAt(ended);
  return { delay, at: end > now + CLOCK_TOLERANCE ? now : end + delay };
}

function nextDelay(ended: ContainerState, { initial, max, resetAfter }: RestartBackoff): number {
  const label = ended.labels[RESTART_DELAY_LABEL];
  if (label === undefined) return 0;
  const ran = ended.startedAt > 0 ? ended.finishedAt - ended.startedAt : 0;
  if (ran >= resetAfter) return 0;
  const previous = Number(label);
  return previous > 0 ? Math.min(max, previous * 2) : initial;
}
