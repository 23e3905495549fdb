/** From what is observed to what is to be done about it: a pure function of the state before. */
import { type Observations, type PressureType, signals } from "./signals.js";
import { amountOf, type Threshold } from "./thresholds.js";

export interface EvictionState {
  /** Thresholds that are crossed, and since when (ms on a clock that is never set). */
  readonly crossed: ReadonlyMap<Threshold, number>;
  /** When each kind of pressure was last seen, likewise. */
  readonly seen: ReadonlyMap<PressureType, number>;
}

export const CALM: EvictionState = { crossed: new Map(), seen: new Map() };

export interface Decision {
  state: EvictionState;
  /** The node's conditions. */
  pressures: ReadonlySet<PressureType>;
  /** What to reclaim now, by eviction if need be; the most urgent of what is crossed for long enough. */
  reclaim?: Threshold;
}

/**
 * @param now milliseconds on a clock that is never set
 * @param transition milliseconds for which a pressure stays after it was last seen, so that it does not come and go
 */
export function decide(
  before: EvictionState,
  thresholds: readonly Threshold[],
  observations: Observations,
  now: number,
  transition: number,
): Decision {
  const crossed = new Map<Threshold, number>();
  for (const threshold of thresholds) {
    const since = before.crossed.get(threshold);
    if (isCrossed(threshold, observations, since !== undefined)) crossed.set(threshold, since ?? now);
  }
  const seen = new Map(before.seen);
  for (const { signal } of crossed.keys()) seen.set(signals[signal].condition, now);
  const pressures = new Set<PressureType>();
  for (const [type, at] of seen) {
    const isCrossedNow = [...crossed.keys()].some(({ signal }) => signals[signal].condition === type);
    if (isCrossedNow || now - at < transition) pressures.add(type);
    else seen.delete(type);
  }
  const due = [...crossed].filter(([{ grace }, since]) => now - since >= grace).map(([threshold]) => threshold);
  return { state: { crossed, seen }, pressures, reclaim: due.sort(byUrgency)[0] };
}

/** A threshold that was crossed is so until the minimum to be reclaimed has come free besides. */
function isCrossed(threshold: Threshold, observations: Observations, was: boolean): boolean {
  const observed = observations.get(threshold.signal);
  if (!observed) return false;
  const reclaim = was && threshold.reclaim ? amountOf(threshold.reclaim, observed) : 0;
  return observed.available < amountOf(threshold.amount, observed) + reclaim;
}

/** Memory first: who runs out of it is killed by the kernel, which chooses worse. Hard thresholds before soft ones. */
function byUrgency(a: Threshold, b: Threshold): number {
  const rank = ({ signal, grace }: Threshold) => (signal === "memory.available" ? 0 : 2) + (grace > 0 ? 1 : 0);
  return rank(a) - rank(b);
}
