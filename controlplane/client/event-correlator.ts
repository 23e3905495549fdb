import { LRUCache } from "lru-cache";
import type { ObjectReference } from "#api/generated/types.js";
import type { Clock } from "./clock.js";

/** Beyond this many different messages of one reason about one object, within the interval, the rest is one Event. */
const SIMILAR_LIMIT = 9;
const SIMILAR_INTERVAL = 600_000;
/** Each object may be the subject of this many Events at once, refilled one per five minutes. */
const BURST = 25;
const REFILL_INTERVAL = 300_000;

interface Bucket {
  tokens: number;
  since: number;
}

/** Decides which Events are repeats of one another, and cuts floods, with the limits that upstream clients keep. */
export class EventCorrelator {
  readonly #similar: LRUCache<string, Set<string>>;
  readonly #buckets = new LRUCache<string, Bucket>({ max: 2048 });

  constructor(private readonly clock: Clock) {
    const now = () => clock.monotonic();
    this.#similar = new LRUCache({ max: 2048, ttl: SIMILAR_INTERVAL, ttlResolution: 0, perf: { now } });
  }

  /** The identity and message to record under; undefined when there were too many Events about this object. */
  admit(
    involved: ObjectReference,
    type: string,
    reason: string,
    message: string,
  ): { key: string; message: string } | undefined {
    const object = [involved.kind, involved.namespace, involved.name, involved.uid].join("/");
    if (!this.#takeToken(object)) return undefined;
    const group = [object, type, reason].join("\n");
    let messages = this.#similar.get(group);
    if (!messages) {
      messages = new Set();
      this.#similar.set(group, messages);
    }
    if (messages.size < SIMILAR_LIMIT) messages.add(message);
    if (messages.has(message)) return { key: `${group}\n${involved.fieldPath}\n${message}`, message };
    return { key: group, message: `(combined from similar events): ${message}` };
  }

  #takeToken(object: string): boolean {
    const now = this.clock.monotonic();
    const bucket = this.#buckets.get(object) ?? { tokens: BURST, since: now };
    const refill = Math.floor((now - bucket.since) / REFILL_INTERVAL);
    if (refill > 0) {
      bucket.tokens = Math.min(BURST, bucket.tokens + refill);
      bucket.since += refill * REFILL_INTERVAL;
    }
    this.#buckets.set(object, bucket);
    if (bucket.tokens <= 0) return false;
    bucket.tokens--;
    return true;
  }
}
