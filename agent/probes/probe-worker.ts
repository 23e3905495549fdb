import type { Probe } from "#api/generated/types.js";
import type { Clock } from "#client/clock.js";
import type { ProbeResult } from "./probe-result.js";

export type ProbeKind = "liveness" | "readiness" | "startup";

export interface ProbeWorkerOptions {
  kind: ProbeKind;
  probe: Probe;
  clock: Clock;
  /** Milliseconds since the epoch when the container started. */
  startedAt: number;
  /** Milliseconds to put the first run off: spreads the probes of a restarted agent. */
  jitter: number;
  run(): Promise<ProbeResult>;
  /** The thresholds are passed: the verdict is `healthy` from now on. Called on each change, and on the first verdict. */
  onVerdict(healthy: boolean): void;
  /** A single run failed. */
  onFailure(result: ProbeResult): void;
}

/** Runs one probe of one running container, period after period, until it is stopped. */
export class ProbeWorker {
  #cancel: (() => void) | undefined;
  #stopped = false;
  #last: boolean | undefined;
  #inRow = 0;
  #verdict: boolean | undefined;

  constructor(private readonly options: ProbeWorkerOptions) {}

  start(): void {
    const { probe, clock, startedAt, jitter } = this.options;
    const whole = (probe.initialDelaySeconds ?? 0) * 1000 + jitter;
    // Never longer than from now, also if the clock was set back since.
    this.#schedule(Math.min(whole, Math.max(0, startedAt + whole - clock.now())));
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  #schedule(delay: number): void {
    if (!this.#stopped) this.#cancel = this.options.clock.after(delay, () => void this.#tick());
  }

  async #tick(): Promise<void> {
    const { clock, probe, run } = this.options;
    const began = clock.monotonic();
    const result = await run();
    if (this.#stopped) return;
    this.#count(result);
    const period = (probe.periodSeconds || 10) * 1000;
    // A run that took longer than a period is followed by the next at once, never by two at a time.
    this.#schedule(Math.max(0, began + period - clock.monotonic()));
  }

  #count(result: ProbeResult): void {
    const healthy = result.outcome === "success";
    if (!healthy) this.options.onFailure(result);
    // The probe itself did not work: that says nothing about the container.
    if (result.outcome === "error") return;
    this.#inRow = healthy === this.#last ? this.#inRow + 1 : 1;
    this.#last = healthy;
    const { failureThreshold, successThreshold } = this.options.probe;
    const needed = healthy ? (successThreshold ?? 1) : (failureThreshold ?? 3);
    if (this.#inRow < needed || this.#verdict === healthy) return;
    this.#verdict = healthy;
    this.options.onVerdict(healthy);
  }
}
