import type { Pod } from "#api/generated/types.js";
import { type BackoffOptions, backoffDelay } from "#client/backoff.js";
import type { Clock } from "#client/clock.js";
import type { ClusterChange } from "./framework.js";

/** A Pod nothing happened for is tried again after this time (ms) all the same. */
const MAX_PARKED = 300_000;

interface Entry {
  pod: Pod;
  /** For first come, first served. */
  order: number;
  attempts: number;
  lastTry: number;
  state: "active" | "backoff" | "parked" | "taken";
  /** While parked: what may let it fit. */
  wakesOn: ReadonlySet<ClusterChange>;
  cancelTimer?: () => void;
}

export interface SchedulingQueueOptions {
  clock: Clock;
  /** Least time between two attempts for one Pod. */
  backoff: BackoffOptions;
  /** There is something to `take`. */
  onReady(): void;
}

/**
 * Pods that wait for a node: active ones to be tried now (higher priority first, then the older), those in back-off, and
 * parked ones that fit nowhere until something changes.
 */
export class SchedulingQueue {
  readonly #entries = new Map<string, Entry>();
  #active: Entry[] = [];
  #sorted = true;
  #order = 0;

  constructor(private readonly options: SchedulingQueueOptions) {}

  get size(): number {
    return this.#entries.size;
  }

  /** A new Pod, or one whose spec changed: it is tried at once. */
  add(pod: Pod): void {
    const known = this.#entries.get(pod.metadata.uid);
    const fresh = { order: this.#order++, attempts: 0, lastTry: 0, wakesOn: new Set<ClusterChange>() };
    const entry: Entry = known ?? { ...fresh, pod, state: "parked" };
    entry.pod = pod;
    this.#entries.set(pod.metadata.uid, entry);
    this.#activate(entry);
  }

  /** A newer version that changes nothing for scheduling. */
  refresh(pod: Pod): void {
    const entry = this.#entries.get(pod.metadata.uid);
    if (entry) entry.pod = pod;
  }

  has(uid: string): boolean {
    return this.#entries.has(uid);
  }

  remove(uid: string): void {
    const entry = this.#entries.get(uid);
    if (!entry) return;
    entry.cancelTimer?.();
    this.#entries.delete(uid);
    if (entry.state === "active") this.#active = this.#active.filter((other) => other !== entry);
  }

  /** The next Pod to try. It must come back by `park` or `retry`, or leave by `remove`. */
  take(): Pod | undefined {
    if (!this.#sorted) {
      const priority = (entry: Entry) => entry.pod.spec.priority ?? 0;
      this.#active.sort((a, b) => priority(b) - priority(a) || a.order - b.order);
      this.#sorted = true;
    }
    const entry = this.#active.shift();
    if (!entry) return undefined;
    entry.state = "taken";
    entry.attempts++;
    entry.lastTry = this.options.clock.monotonic();
    return entry.pod;
  }

  /** It fits nowhere: wait for one of these changes. */
  park(uid: string, wakesOn: ReadonlySet<ClusterChange>): void {
    const entry = this.#entries.get(uid);
    if (entry?.state !== "taken") return;
    entry.state = "parked";
    entry.wakesOn = wakesOn;
    this.#timer(entry, MAX_PARKED);
  }

  /** An attempt failed for another reason (a refused binding): again after back-off. */
  retry(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry?.state === "taken") this.#wait(entry);
  }

  /** Something changed: parked Pods that it may help are tried again, each not before its back-off is over. */
  wake(change: ClusterChange): void {
    for (const entry of this.#entries.values()) {
      if (entry.state === "parked" && entry.wakesOn.has(change)) this.#wait(entry);
    }
  }

  stop(): void {
    for (const entry of this.#entries.values()) entry.cancelTimer?.();
    this.#entries.clear();
    this.#active = [];
  }

  #wait(entry: Entry): void {
    const due = entry.lastTry + backoffDelay(Math.max(0, entry.attempts - 1), this.options.backoff);
    const left = due - this.options.clock.monotonic();
    if (left <= 0) {
      this.#activate(entry);
      return;
    }
    entry.state = "backoff";
    this.#timer(entry, left);
  }

  #timer(entry: Entry, delay: number): void {
    entry.cancelTimer?.();
    entry.cancelTimer = this.options.clock.after(delay, () => this.#activate(entry));
  }

  #activate(entry: Entry): void {
    entry.cancelTimer?.();
    entry.cancelTimer = undefined;
    if (entry.state === "active") return;
    entry.state = "active";
    this.#active.push(entry);
    this.#sorted = false;
    this.options.onReady();
  }
}
