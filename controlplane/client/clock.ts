/** Time as the client machinery sees it; tests pass a clock they move by hand. */
export interface Clock {
  /** Milliseconds since the epoch: what objects say. It may be set forward or back at any moment. */
  now(): number;
  /** Whole milliseconds since some moment of the past, never set: for how long something takes or is to wait. */
  monotonic(): number;
  /** Calls `run` once after `delay` milliseconds, unless the returned function was called before. */
  after(delay: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  // Whole ones: AbortSignal.timeout and others of Node.js refuse parts of a millisecond.
  monotonic: () => Math.floor(performance.now()),
  after(delay, run) {
    const timer = setTimeout(run, delay);
    return () => clearTimeout(timer);
  },
};
