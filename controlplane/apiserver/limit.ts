/** Last link of the request chain: how much goes on at once, so that one noisy client cannot sink the server. */
import { StatusError } from "#api/status-error.js";

const READ_VERBS = new Set(["get", "list"]);

export interface LimitOptions {
  readonly maxReads: number;
  readonly maxWrites: number;
}

/** Upstream's defaults (--max-requests-inflight, --max-mutating-requests-inflight). */
export const DEFAULT_LIMITS: LimitOptions = { maxReads: 400, maxWrites: 200 };

export class InflightLimit {
  private reads = 0;
  private writes = 0;

  constructor(private readonly options: LimitOptions = DEFAULT_LIMITS) {}

  /**
   * Counts a request in; the answer counts it out and must be called once. Watches and streams are not counted.
   * @throws StatusError 429
   */
  enter(verb: string, long: boolean): () => void {
    if (long) return done;
    if (READ_VERBS.has(verb)) {
      if (this.reads >= this.options.maxReads) throw tooManyRequests();
      this.reads++;
      return () => {
        this.reads--;
      };
    }
    if (this.writes >= this.options.maxWrites) throw tooManyRequests();
    this.writes++;
    return () => {
      this.writes--;
    };
  }
}

function done(): void {
  // Nothing was counted in.
}

function tooManyRequests(): StatusError {
  const message = "the server has received too many requests and has asked us to try again later";
  return new StatusError(429, "TooManyRequests", message, { retryAfterSeconds: 1 });
}
