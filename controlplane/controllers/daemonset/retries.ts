import { backoffDelay } from "#client/backoff.js";

const BACKOFF = { base: 1_000, max: 900_000, jitter: 0 };

/** How often a Pod that ends where it should run is made again: at once, then after ever longer pauses, until it ran for long. */
export class Retries {
  readonly #tries = new Map<string, { count: number; at: number }>();

  /** @returns milliseconds to wait; 0: go on, and that counts as a try */
  take(place: string, now: number): number {
    const last = this.#tries.get(place);
    const delay = last ? backoffDelay(last.count - 1, BACKOFF) : 0;
    if (last && now < last.at + delay) return last.at + delay - now;
    const isLongAgo = !last || now > last.at + 2 * BACKOFF.max;
    this.#tries.set(place, { count: isLongAgo ? 1 : last.count + 1, at: now });
    return 0;
  }

  /** @param prefix of the places of an object that is gone */
  forget(prefix: string): void {
    for (const place of this.#tries.keys()) if (place.startsWith(prefix)) this.#tries.delete(place);
  }
}
