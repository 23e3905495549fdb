export interface BackoffOptions {
  /** Delay before the first retry, in milliseconds. */
  base: number;
  /** No delay is longer, in milliseconds. */
  max: number;
  /** Share of each delay that is left to chance, 0 to 1: keeps many clients from retrying in step. Default 0. */
  jitter?: number;
  random?: () => number;
}

/** How long to wait before retry number `attempt` (0 is the first): doubles each time up to `max`. */
export function backoffDelay(attempt: number, options: BackoffOptions): number {
  const { base, max, jitter = 0, random = Math.random } = options;
  const full = Math.min(max, base * 2 ** Math.min(attempt, 40));
  return full * (1 - jitter * random());
}
