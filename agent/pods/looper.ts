import type { Clock } from "#client/clock.js";

/** Runs a task whenever it was woken, never twice at once: wakes during a run make one more run. */
export class Looper {
  #woken = false;
  #stopped = false;
  #running: Promise<void> | undefined;
  #timer: { due: number; cancel(): void } | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly task: () => Promise<void>,
    private readonly onError: (error: unknown) => void,
  ) {}

  wake(): void {
    this.#woken = true;
    if (!this.#stopped) this.#running ??= this.#run();
  }

  /** Wakes at that time (milliseconds since the epoch) or at one asked for earlier, whichever comes first. */
  wakeAt(at: number): void {
    this.wakeAfter(at - this.clock.now());
  }

  /** Wakes after that many milliseconds, or sooner where that was asked for. */
  wakeAfter(delay: number): void {
    const due = this.clock.monotonic() + Math.max(0, delay);
    if (this.#stopped || (this.#timer && this.#timer.due <= due)) return;
    this.#timer?.cancel();
    const cancel = this.clock.after(Math.max(0, delay), () => {
      this.#timer = undefined;
      this.wake();
    });
    this.#timer = { due, cancel };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  async #run(): Promise<void> {
    // What woke us may go on for a moment (several events in one chunk): take all of it in one run.
    await Promise.resolve();
    while (this.#woken && !this.#stopped) {
      this.#woken = false;
      try {
        await this.task();
      } catch (error) {
        this.onError(error);
      }
    }
    this.#running = undefined;
  }
}
