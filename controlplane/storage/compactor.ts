/**
 * Compacts a store from time to time, as Kubernetes does with etcd: history is kept for one to two intervals. How far to
 * compact next time is itself kept in the store, so that servers which never live that long still do it, once between them.
 */
import { type Backend, CompareFailedError } from "./backend.js";

export interface CompactorOptions {
  /** Default five minutes. */
  intervalMs?: number;
  /** Milliseconds since the epoch. */
  now?: () => number;
  onError(error: Error): void;
}

export interface Compactor {
  /** Compacts to where the store stood an interval ago or more. Called by a timer. */
  tick(): Promise<void>;
  stop(): void;
}

interface Mark {
  time: number;
  revision: number;
}

const KEY = "/berth/compaction";

export function startCompactor(backend: Backend, options: CompactorOptions): Compactor {
  const { intervalMs = 300_000, now = Date.now, onError } = options;
  let last: Promise<void> = Promise.resolve();
  const compact = async () => {
    const record = await backend.get(KEY);
    const mark = record && (JSON.parse(record.value.toString()) as Mark);
    // A mark from the future is of a clock that was set back.
    if (mark && mark.time <= now() && now() - mark.time < intervalMs) return;
    const next: Mark = { time: now(), revision: await backend.currentRevision() };
    const value = Buffer.from(JSON.stringify(next));
    try {
      await backend.commit([{ key: KEY, revision: record?.revision ?? 0 }], [{ type: "put", key: KEY, value }]);
    } catch (error) {
      // Another server has just done it.
      if (error instanceof CompareFailedError) return;
      throw error;
    }
    if (mark) await backend.compact(mark.revision);
  };
  const tick = () => {
    last = last.catch(() => undefined).then(compact);
    return last;
  };
  // More often than the interval, since a start may fall anywhere in it.
  const timer = setInterval(() => tick().catch(onError), intervalMs / 5);
  timer.unref();
  tick().catch(onError);
  return { tick, stop: () => clearInterval(timer) };
}
