/** When a Job is over, and why. */
import type { Job, Pod } from "#api/generated/types.js";
import { failuresBefore, indexOf, isIndexed } from "./indexes.js";
import { successRule } from "./policies.js";

export interface Outcome {
  type: "SuccessCriteriaMet" | "FailureTarget";
  reason: string;
  message: string;
}

export interface Progress {
  job: Job;
  /** Neither ended nor ending. */
  active: readonly Pod[];
  /** Pods, or of an Indexed Job indexes. */
  succeeded: number;
  failed: number;
  completedIndexes: ReadonlySet<number>;
  failedIndexes: ReadonlySet<number>;
  /** What a rule for failures says of the Job as a whole. */
  policyMessage: string | undefined;
  now: number;
}

const failure = (reason: string, message: string): Outcome => ({ type: "FailureTarget", reason, message });
const success = (reason: string, message: string): Outcome => ({ type: "SuccessCriteriaMet", reason, message });

/** @returns undefined while it goes on */
export function outcomeOf(progress: Progress): Outcome | undefined {
  const { job, policyMessage, completedIndexes, failedIndexes, now } = progress;
  const { maxFailedIndexes, completions } = job.spec!;
  if (policyMessage) return failure("PodFailurePolicy", policyMessage);
  const rule = successRule(job, completedIndexes);
  if (rule !== undefined) return success("SuccessPolicy", `Matched rules at index ${rule}`);
  if (isPastBackoffLimit(progress))
    return failure("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  const deadline = deadlineOf(job);
  if (deadline !== undefined && now >= deadline)
    return failure("DeadlineExceeded", "Job was active longer than specified deadline");
  if (maxFailedIndexes !== undefined && failedIndexes.size > maxFailedIndexes)
    return failure("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes");
  if (hasCompletions(progress)) return success("CompletionsReached", "Reached expected number of succeeded pods");
  const isThrough = completions !== undefined && completedIndexes.size + failedIndexes.size >= completions;
  return failedIndexes.size > 0 && isThrough ? failure("FailedIndexes", "Job has failed indexes") : undefined;
}

/** Without a number of completions the first success says that there is no more work; those at work end theirs. */
function hasCompletions({ job, succeeded, active }: Progress): boolean {
  const { completions } = job.spec!;
  return completions === undefined ? succeeded > 0 && active.length === 0 : succeeded >= completions;
}

function isPastBackoffLimit({ job, failed, active }: Progress): boolean {
  const { backoffLimit = 6, template } = job.spec!;
  if (failed > backoffLimit) return true;
  if (template.spec?.restartPolicy !== "OnFailure") return false;
  let restarts = 0;
  for (const { status } of active)
    for (const { restartCount } of [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
      restarts += restartCount;
  return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit;
}

/** Milliseconds since the epoch. */
export function deadlineOf({ spec, status }: Job): number | undefined {
  if (spec?.activeDeadlineSeconds === undefined || !status?.startTime) return undefined;
  return Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000;
}

/** Its index is not tried again. */
export function failsItsIndex(job: Job, pod: Pod): boolean {
  const limit = job.spec?.backoffLimitPerIndex;
  return isIndexed(job) && limit !== undefined && indexOf(pod) !== undefined && failuresBefore(pod) >= limit;
}
