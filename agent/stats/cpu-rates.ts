/** CPU use at the moment, from two readings of a counter some time apart. */
interface Point {
  /** Milliseconds since the epoch. */
  at: number;
  cpuSeconds: number;
}

/** Readings nearer than this to the last are too near to tell a rate, milliseconds. */
const LEAST_MS = 1_000;
/** What was not asked about for so long is forgotten, milliseconds. */
const FORGET_MS = 10 * 60_000;

export class CpuRates {
  readonly #points = new Map<string, { last: Point; rate?: number }>();

  /** CPUs in use (billionths) since the reading before; undefined for the first. @param key of the counter */
  nanoCores(key: string, at: number, cpuSeconds: number): number | undefined {
    const known = this.#points.get(key);
    if (known && at - known.last.at < LEAST_MS) return known.rate;
    const grown = known ? cpuSeconds - known.last.cpuSeconds : -1;
    const rate = known && grown >= 0 ? Math.round((grown * 1e12) / (at - known.last.at)) : undefined;
    this.#points.set(key, { last: { at, cpuSeconds }, rate });
    return rate;
  }

  forgetOld(now: number): void {
    for (const [key, { last }] of this.#points) if (now - last.at > FORGET_MS) this.#points.delete(key);
  }
}
