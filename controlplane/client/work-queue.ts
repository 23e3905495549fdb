import { type BackoffOptions, backoffDelay } from "./backoff.js";
import { type Clock, systemClock } from "./clock.js";

export interface WorkQueueOptions {
  /**
   * Works on one key. Resolving with a number asks for the same key again after that many milliseconds; rejecting asks
   * for it again with exponential back-off. Never runs twice at once for one key.
   */
  process(key: string): Promise<number | undefined>;
  /** How many keys are worked on at a time. Default 1. */
  workers?: number;
  clock?: Clock;
  /** Default: 5 ms doubling to 60 s, for each key on its own. */
  backoff?: BackoffOptions;
  /** Told of every rejection, with the delay before the next try (ms). */
  onError?(key: string, error: unknown, retryIn: number): void;
}

export interface WorkQueueStats {
  /** Keys waiting for a worker. */
  depth: number;
  processed: number;
  failed: number;
  /** Time spent in `process`, in milliseconds. */
  busy: number;
}

const DEFAULT_BACKOFF: BackoffOptions = { base: 5, max: 60_000 };

/** Keys to work on, each at most once in the queue; a key added while it is worked on comes round once more. */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #ready = new Set<string>();
  readonly #running = new Set<string>();
  readonly #again = new Set<string>();
  readonly #attempts = new Map<string, number>();
  readonly #delayed = new Map<string, { at: number; cancel: () => void }>();
  readonly #stats: WorkQueueStats = { depth: 0, processed: 0, failed: 0, busy: 0 };
  #state: "paused" | "running" | "stopped" = "paused";
  #idle: (() => void)[] = [];

  constructor(private readonly options: WorkQueueOptions) {
    this.#clock = options.clock ?? systemClock;
  }

  /** Keys may be added before; work on them begins here. */
  start(): void {
    if (this.#state === "paused") this.#state = "running";
    this.#dispatch();
  }

  /** Drops what waits; resolves when what is being worked on is done. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    this.#ready.clear();
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  add(key: string): void {
    if (this.#state === "stopped") return;
    if (this.#running.has(key)) this.#again.add(key);
    else this.#ready.add(key);
    this.#dispatch();
  }

  /** Adds the key after `delay` milliseconds; of several delays the soonest counts. */
  addAfter(key: string, delay: number): void {
    if (this.#state === "stopped") return;
    if (delay <= 0) {
      this.add(key);
      return;
    }
    const at = this.#clock.monotonic() + delay;
    const pending = this.#delayed.get(key);
    if (pending && pending.at <= at) return;
    pending?.cancel();
    const cancel = this.#clock.after(delay, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { at, cancel });
  }

  stats(): WorkQueueStats {
    return { ...this.#stats, depth: this.#ready.size };
  }

  #dispatch(): void {
    if (this.#state !== "running") return;
    for (const key of this.#ready) {
      if (this.#running.size >= (this.options.workers ?? 1)) return;
      this.#ready.delete(key);
      this.#running.add(key);
      void this.#work(key);
    }
  }

  async #work(key: string): Promise<void> {
    // What arrives in the same turn (a burst of watch events) is worked on once.
    await Promise.resolve();
    const began = this.#clock.monotonic();
    try {
      const delay = await this.options.process(key);
      this.#attempts.delete(key);
      if (delay !== undefined) this.addAfter(key, delay);
    } catch (error) {
      const attempt = this.#attempts.get(key) ?? 0;
      this.#attempts.set(key, attempt + 1);
      const delay = backoffDelay(attempt, this.options.backoff ?? DEFAULT_BACKOFF);
      this.#stats.failed++;
      this.options.onError?.(key, error, delay);
      this.addAfter(key, delay);
    }
    this.#stats.processed++;
    this.#stats.busy += this.#clock.monotonic() - began;
    this.#running.delete(key);
    if (this.#again.delete(key)) this.add(key);
    this.#dispatch();
    if (this.#running.size === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}
