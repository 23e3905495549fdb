/** After failures a Job waits before it makes the next Pod: 10 s, 20 s, 40 s, at most ten minutes. */
import type { Pod } from "#api/generated/types.js";
import { backoffDelay } from "#client/backoff.js";

const BACKOFF = { base: 10_000, max: 600_000 };

/** Milliseconds since the epoch. */
function endOf({ status, metadata }: Pod, now: number): number {
  const ends = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
    .map(({ state }) => Date.parse(state?.terminated?.finishedAt ?? ""))
    .filter((time) => !Number.isNaN(time));
  if (ends.length > 0) return Math.max(...ends);
  return metadata.deletionTimestamp ? Date.parse(metadata.deletionTimestamp) : now;
}

/**
 * When the next Pod may be made, in milliseconds since the epoch.
 * @param ended Pods that have ended, of which `isFailure` tells those that failed
 */
export function nextTry(ended: readonly Pod[], isFailure: (pod: Pod) => boolean, now: number): number {
  const inOrder = ended
    .map((pod) => ({ failed: isFailure(pod), at: Math.min(now, endOf(pod, now)) }))
    .sort((a, b) => a.at - b.at);
  const since = inOrder.slice(inOrder.findLastIndex(({ failed }) => !failed) + 1);
  const last = since.at(-1);
  return last ? last.at + backoffDelay(since.length - 1, BACKOFF) : now;
}
