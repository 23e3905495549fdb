/** Removes Events an hour after they were last seen; upstream the store's leases do this. */
import type { CoreV1Event } from "#api/generated/types.js";
import { events } from "#api/refs.js";
import { isNotFound } from "#api/status-error.js";
import { type Controller, watch } from "./controller.js";

const TTL = 3_600_000;
/** Sweeps are at least this far apart (ms). */
const PAUSE = 60_000;
const SWEEP = "sweep";

/** When the Event was last seen, in milliseconds since the epoch. */
function lastSeen({ metadata, lastTimestamp, eventTime, series }: CoreV1Event): number {
  return Date.parse(series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp);
}

export interface EventSweep {
  expired: CoreV1Event[];
  /** Milliseconds until the next sweep; undefined when there is nothing left to wait for. */
  next: number | undefined;
}

export function planSweep(all: readonly CoreV1Event[], now: number): EventSweep {
  const expired: CoreV1Event[] = [];
  let oldest = Number.POSITIVE_INFINITY;
  for (const event of all) {
    const seen = lastSeen(event);
    if (now - seen >= TTL) expired.push(event);
    else oldest = Math.min(oldest, seen);
  }
  return { expired, next: oldest < Number.POSITIVE_INFINITY ? Math.max(PAUSE, oldest + TTL - now) : undefined };
}

export function eventTtlController(): Controller {
  let scheduled = false;
  return {
    name: "event-ttl",
    workers: 1,
    watches: [watch({ ref: events, keys: () => (scheduled ? [] : [SWEEP]) })],
    async reconcile(_key, { client, informer, now }) {
      const { expired, next } = planSweep(informer(events).list(), now());
      for (const { metadata } of expired) {
        const { name, namespace, resourceVersion } = metadata;
        try {
          await client.delete(events, name, namespace, { preconditions: { resourceVersion } });
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      }
      scheduled = next !== undefined;
      return next;
    },
  };
}
