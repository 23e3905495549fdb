/**
 * Which of a Job's Pods have been counted. A Pod keeps a finalizer until it has: first its uid is written into the status, then the
 * finalizer goes, then the uid becomes one more of a number. Whatever dies in between, none is counted twice or never.
 * https://kubernetes.io/docs/concepts/workloads/controllers/job/#job-tracking-with-finalizers
 */
import type { Job, Pod } from "#api/generated/types.js";

export const TRACKING = "batch.kubernetes.io/job-tracking";

export const isTracked = ({ metadata }: Pod) => metadata.finalizers?.includes(TRACKING) ?? false;

export interface Counts {
  succeeded: number;
  failed: number;
  /** uids in the status, of Pods that still have their finalizer. */
  uncounted: { succeeded: Set<string>; failed: Set<string> };
}

/** What the status says, with those added that have lost their finalizer since. */
export function settle({ status }: Job, pods: readonly Pod[]): Counts {
  const tracked = new Set(pods.filter(isTracked).map(({ metadata }) => metadata.uid));
  const { succeeded = [], failed = [] } = status?.uncountedTerminatedPods ?? {};
  const open = (uids: readonly string[]) => new Set(uids.filter((uid) => tracked.has(uid)));
  const uncounted = { succeeded: open(succeeded), failed: open(failed) };
  return {
    succeeded: (status?.succeeded ?? 0) + succeeded.length - uncounted.succeeded.size,
    failed: (status?.failed ?? 0) + failed.length - uncounted.failed.size,
    uncounted,
  };
}
