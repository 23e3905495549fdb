/** What a Job does next: a pure function of what there is. */
import type { Job, JobCondition, JobStatus, Pod } from "#api/generated/types.js";
import { formatIndexes, parseIndexes } from "#api/index-ranges.js";
import { isPodActive, isPodReady, isPodTerminal } from "#api/pod-state.js";
import { formatTime } from "#api/time.js";
import { indexOf, isIndexed } from "./indexes.js";
import { deadlineOf, failsItsIndex, type Outcome, outcomeOf } from "./outcome.js";
import { type PodOrder, planPods } from "./pods.js";
import { failureVerdict } from "./policies.js";
import { type Counts, isTracked, settle } from "./tracking.js";

export interface JobState {
  job: Job;
  /** All Pods it manages. */
  pods: readonly Pod[];
  /** Milliseconds since the epoch. */
  now: number;
}

export interface JobPlan {
  status: JobStatus;
  create: PodOrder[];
  /** Are not needed: they are deleted, and count for nothing. */
  dismiss: Pod[];
  /** The Job has failed: they are deleted, and count as failed. */
  end: Pod[];
  /** Have been counted, which the status says before they lose their finalizer. */
  untrack: Pod[];
  /** Were adopted. */
  track: Pod[];
  events: { type: "Normal" | "Warning"; reason: string; message: string }[];
  /** Milliseconds. */
  requeueAfter?: number;
}

const conditionOf = ({ status }: Job, type: string) =>
  status?.conditions?.find((condition) => condition.type === type && condition.status === "True");

export const isFinished = (job: Job) => conditionOf(job, "Complete") ?? conditionOf(job, "Failed");

export function planJob(state: JobState): JobPlan {
  const { job, pods } = state;
  const plan: JobPlan = {
    status: { ...job.status },
    create: [],
    dismiss: [],
    end: [],
    untrack: [],
    track: [],
    events: [],
  };
  if (job.metadata.deletionTimestamp) return { ...plan, untrack: pods.filter(isTracked) };
  if (isFinished(job)) return { ...plan, untrack: pods.filter(isTracked), dismiss: pods.filter(isPodActive) };
  const counts = settle(job, pods);
  const news = note(state, counts, plan);
  begin(state, plan);
  const outcome = knownOutcome(job) ?? newOutcome(state, counts, news, plan);
  const active = pods.filter(isPodActive);
  const terminating = pods.filter((pod) => pod.metadata.deletionTimestamp && !isPodTerminal(pod));
  if (outcome) finish(state, outcome, { active, terminating, counts }, plan);
  else if (job.spec?.suspend) plan.dismiss.push(...active);
  else planPods({ ...state, active, terminating, ...news, succeeded: succeededOf(job, counts, news) }, plan);
  const stays = (pod: Pod) => !plan.dismiss.includes(pod) && !plan.end.includes(pod);
  plan.track.push(...active.filter((pod) => !isTracked(pod) && stays(pod)));
  writeCounts(state, counts, news, plan, active.length - plan.dismiss.length - plan.end.length + plan.create.length);
  return plan;
}

export interface News {
  completedIndexes: Set<number>;
  failedIndexes: Set<number>;
  policyMessage: string | undefined;
}

/** Counts Pods that have ended and were not counted yet. */
function note({ job, pods }: JobState, counts: Counts, plan: JobPlan): News {
  const { uncounted } = counts;
  const news: News = {
    completedIndexes: parseIndexes(job.status?.completedIndexes) ?? new Set(),
    failedIndexes: parseIndexes(job.status?.failedIndexes) ?? new Set(),
    policyMessage: undefined,
  };
  for (const pod of pods.filter(isTracked)) {
    const { uid } = pod.metadata;
    const isNew = !uncounted.succeeded.has(uid) && !uncounted.failed.has(uid);
    if (pod.status?.phase === "Succeeded") {
      if (isNew) noteSuccess(job, pod, counts, news);
    } else if (isFailed(job, pod)) {
      if (isNew) noteFailure(job, pod, counts, news);
    } else continue;
    plan.untrack.push(pod);
  }
  for (const index of news.completedIndexes) news.failedIndexes.delete(index);
  return news;
}

/** One that is on its way out counts as failed at once, unless the Job waits until it is. */
export function isFailed({ spec }: Job, { status, metadata }: Pod): boolean {
  if (status?.phase === "Failed") return true;
  const waits = spec?.podReplacementPolicy === "Failed";
  return !waits && metadata.deletionTimestamp !== undefined && status?.phase !== "Succeeded";
}

function noteSuccess(job: Job, pod: Pod, { uncounted }: Counts, { completedIndexes }: News): void {
  if (!isIndexed(job)) return void uncounted.succeeded.add(pod.metadata.uid);
  const index = indexOf(pod);
  if (index !== undefined && index < (job.spec?.completions ?? 0)) completedIndexes.add(index);
}

function noteFailure(job: Job, pod: Pod, { uncounted }: Counts, news: News): void {
  const { action, message } = failureVerdict(job, pod);
  if (action === "Ignore") return;
  if (action === "FailJob") news.policyMessage ??= message;
  const index = knownOutcome(job) ? undefined : indexOf(pod); // Those it ends itself did nothing wrong.
  if (index !== undefined && (action === "FailIndex" || failsItsIndex(job, pod))) news.failedIndexes.add(index);
  uncounted.failed.add(pod.metadata.uid);
}

const succeededOf = (job: Job, { succeeded, uncounted }: Counts, { completedIndexes }: News) =>
  isIndexed(job) ? completedIndexes.size : succeeded + uncounted.succeeded.size;

/** Start time and suspension. */
function begin({ job, now }: JobState, { status, events }: JobPlan): void {
  const suspended = conditionOf(job, "Suspended");
  if (job.spec?.suspend) {
    if (knownOutcome(job) || suspended) return;
    status.startTime = undefined;
    setCondition(status, { type: "Suspended", reason: "JobSuspended", message: "Job suspended" }, now);
    events.push({ type: "Normal", reason: "Suspended", message: "Job suspended" });
    return;
  }
  if (suspended) {
    setCondition(status, { type: "Suspended", status: "False", reason: "JobResumed", message: "Job resumed" }, now);
    events.push({ type: "Normal", reason: "Resumed", message: "Job resumed" });
    status.startTime = formatTime(now);
  }
  status.startTime ??= formatTime(now);
}

function knownOutcome(job: Job): Outcome | undefined {
  const found = conditionOf(job, "SuccessCriteriaMet") ?? conditionOf(job, "FailureTarget");
  return found && { type: found.type as Outcome["type"], reason: found.reason ?? "", message: found.message ?? "" };
}

function newOutcome({ job, pods, now }: JobState, counts: Counts, news: News, plan: JobPlan): Outcome | undefined {
  const current = { ...job, status: plan.status };
  const active = pods.filter(isPodActive);
  const deadline = deadlineOf(current);
  if (deadline !== undefined && deadline > now && !job.spec?.suspend) plan.requeueAfter = deadline - now;
  const outcome = outcomeOf({
    ...{ job: current, active, now, ...news },
    succeeded: succeededOf(job, counts, news),
    failed: counts.failed + counts.uncounted.failed.size,
  });
  if (outcome) setCondition(plan.status, outcome, now);
  return outcome;
}

interface Remains {
  active: readonly Pod[];
  terminating: readonly Pod[];
  counts: Counts;
}

/** The last word is spoken when nothing runs any more and everything has been counted. */
function finish(
  { job, now }: JobState,
  outcome: Outcome,
  { active, terminating, counts }: Remains,
  plan: JobPlan,
): void {
  const { reason, message } = outcome;
  const isSuccess = outcome.type === "SuccessCriteriaMet";
  (isSuccess ? plan.dismiss : plan.end).push(...active);
  plan.requeueAfter = undefined;
  const { succeeded, failed } = counts.uncounted;
  const open = active.length + terminating.length + plan.untrack.length + succeeded.size + failed.size;
  if (open > 0 || !knownOutcome(job)) return;
  setCondition(plan.status, { type: isSuccess ? "Complete" : "Failed", reason, message }, now);
  if (isSuccess) plan.status.completionTime = formatTime(now);
  plan.events.push(
    isSuccess
      ? { type: "Normal", reason: "Completed", message: "Job completed" }
      : { type: "Warning", reason, message },
  );
}

function setCondition(
  status: JobStatus,
  { status: value = "True", ...rest }: Omit<JobCondition, "status"> & { status?: string },
  now: number,
): void {
  const time = formatTime(now);
  const condition = { ...rest, status: value, lastProbeTime: time, lastTransitionTime: time };
  const others = (status.conditions ?? []).filter(({ type }) => type !== rest.type);
  status.conditions = [...others, condition];
}

function writeCounts({ job, pods }: JobState, counts: Counts, news: News, { status }: JobPlan, active: number): void {
  const { uncounted } = counts;
  const succeeded = isIndexed(job) ? news.completedIndexes.size : counts.succeeded;
  Object.assign(status, {
    active: active || undefined,
    ready: pods.filter((pod) => isPodActive(pod) && isPodReady(pod)).length,
    terminating: pods.filter((pod) => pod.metadata.deletionTimestamp && !isPodTerminal(pod)).length,
    succeeded: succeeded || undefined,
    failed: counts.failed || undefined,
    completedIndexes: isIndexed(job) ? formatIndexes(news.completedIndexes) || undefined : undefined,
    failedIndexes: job.spec?.backoffLimitPerIndex === undefined ? undefined : formatIndexes(news.failedIndexes),
    uncountedTerminatedPods: {
      succeeded: uncounted.succeeded.size > 0 ? [...uncounted.succeeded] : undefined,
      failed: uncounted.failed.size > 0 ? [...uncounted.failed] : undefined,
    },
  });
}
