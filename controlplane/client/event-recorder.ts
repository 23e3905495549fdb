import { LRUCache } from "lru-cache";
import type { CoreV1Event, ObjectReference } from "#api/generated/types.js";
import type { Draft, KubeObject } from "#api/object.js";
import { events } from "#api/refs.js";
import { isNamespaceTerminating, isNotFound, StatusError } from "#api/status-error.js";
import { formatTime } from "#api/time.js";
import { backoffDelay } from "./backoff.js";
import type { Client } from "./client.js";
import { type Clock, systemClock } from "./clock.js";
import { EventCorrelator } from "./event-correlator.js";
import { referenceTo } from "./object-reference.js";

export type EventType = "Normal" | "Warning";

export interface EventRecorder {
  /**
   * Records that something happened to the object. Returns at once; repeats are counted up in one Event (`count`,
   * `lastTimestamp`), floods about one object are cut. Never throws.
   * @param fieldPath the part of the object it is about: `spec.containers{web}`
   */
  event(object: KubeObject, type: EventType, reason: string, message: string, fieldPath?: string): void;
  /** Resolves when everything recorded so far was written or given up. */
  flush(): Promise<void>;
  /** Gives up what is not written yet. */
  stop(): void;
}

export interface EventRecorderOptions {
  /** Who reports: "kubelet", "replicaset-controller". */
  component: string;
  /** Node name, for components that run on one. */
  host?: string;
  clock?: Clock;
  /** Told of Events that could not be written. */
  onError?(error: Error): void;
}

/** One Event object in the making; repeats that come before it is written just raise the count. */
interface Entry {
  readonly involved: ObjectReference;
  readonly type: EventType;
  readonly reason: string;
  message: string;
  name?: string;
  count: number;
  first: number;
  last: number;
  queued: boolean;
}

const MAX_ATTEMPTS = 8;
/** Repeats within this time (ms) count up the same Event; the server drops Events after an hour. */
const REPEAT_WINDOW = 45 * 60_000;

export function createEventRecorder(client: Client, options: EventRecorderOptions): EventRecorder {
  return new QueuedRecorder(client, options);
}

/** Writes Events one after another in the background: they must never hold up the work they tell of. */
class QueuedRecorder implements EventRecorder {
  readonly #clock: Clock;
  readonly #correlator: EventCorrelator;
  readonly #entries: LRUCache<string, Entry>;
  readonly #queue: Entry[] = [];
  #writing: Promise<void> | undefined;
  #stopped = false;
  #cancelPause: (() => void) | undefined;

  constructor(
    private readonly client: Client,
    private readonly options: EventRecorderOptions,
  ) {
    this.#clock = options.clock ?? systemClock;
    this.#correlator = new EventCorrelator(this.#clock);
    const now = () => this.#clock.monotonic();
    this.#entries = new LRUCache({ max: 2048, ttl: REPEAT_WINDOW, ttlResolution: 0, perf: { now } });
  }

  event(object: KubeObject, type: EventType, reason: string, message: string, fieldPath?: string): void {
    if (this.#stopped) return;
    const involved: ObjectReference = fieldPath ? { ...referenceTo(object), fieldPath } : referenceTo(object);
    const admitted = this.#correlator.admit(involved, type, reason, message);
    if (!admitted) return;
    const now = this.#clock.now();
    let entry = this.#entries.get(admitted.key);
    if (!entry) {
      entry = { involved, type, reason, message: "", count: 0, first: now, last: now, queued: false };
      this.#entries.set(admitted.key, entry);
    }
    entry.count++;
    entry.last = now;
    entry.message = admitted.message;
    if (!entry.queued) this.#queue.push(entry);
    entry.queued = true;
    this.#writing ??= this.#drain();
  }

  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  stop(): void {
    this.#stopped = true;
    this.#queue.length = 0;
    this.#cancelPause?.();
  }

  async #drain(): Promise<void> {
    await Promise.resolve();
    for (let entry = this.#queue.shift(); entry; entry = this.#queue.shift()) {
      entry.queued = false;
      await this.#writeWithRetries(entry);
    }
    this.#writing = undefined;
  }

  async #writeWithRetries(entry: Entry): Promise<void> {
    for (let attempt = 0; !this.#stopped; attempt++) {
      try {
        return await this.#write(entry);
      } catch (error) {
        // The namespace goes or is gone: nobody is left to tell.
        if (isNamespaceTerminating(error) || isNotFound(error)) return;
        const refused = error instanceof StatusError && error.code < 500 && error.code !== 429;
        if (refused || attempt + 1 >= MAX_ATTEMPTS) {
          this.options.onError?.(new Error(`event ${entry.reason} was not written`, { cause: error }));
          return;
        }
        await this.#pause(backoffDelay(attempt, { base: 200, max: 10_000, jitter: 0.3 }));
      }
    }
  }

  async #write(entry: Entry): Promise<void> {
    if (entry.name) {
      const body = { count: entry.count, message: entry.message, lastTimestamp: formatTime(entry.last) };
      const namespace = entry.involved.namespace ?? "default";
      try {
        await this.client.patch(
          events,
          entry.name,
          { type: "application/strategic-merge-patch+json", body },
          { namespace },
        );
        return;
      } catch (error) {
        if (!isNotFound(error)) throw error;
        entry.name = undefined;
      }
    }
    const draft = this.#draft(entry);
    await this.client.create(events, draft);
    entry.name = draft.metadata.name;
  }

  #draft(entry: Entry): Draft<CoreV1Event> {
    const { component, host } = this.options;
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: {
        name: `${entry.involved.name}.${this.#suffix(entry.first)}`,
        namespace: entry.involved.namespace ?? "default",
      },
      involvedObject: entry.involved,
      type: entry.type,
      reason: entry.reason,
      message: entry.message,
      count: entry.count,
      firstTimestamp: formatTime(entry.first),
      lastTimestamp: formatTime(entry.last),
      source: host ? { component, host } : { component },
      reportingComponent: component,
      reportingInstance: host ?? "",
    };
  }

  #sequence = 0;

  /** As upstream: the time in nanoseconds as hex; a counter stands in for what lies below the millisecond. */
  #suffix(ms: number): string {
    this.#sequence = (this.#sequence + 1) % 1_000_000;
    return (BigInt(ms) * 1_000_000n + BigInt(this.#sequence)).toString(16);
  }

  #pause(delay: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(delay, resolve);
      this.#cancelPause = () => {
        cancel();
        resolve();
      };
    });
  }
}
