/** What a CronJob does next: a pure function of what there is. */
import { CronSchedule } from "#api/cron-schedule.js";
import type { CronJob, CronJobStatus, Job } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { cronJobs } from "#api/refs.js";
import { formatTime } from "#api/time.js";
import { isFinished } from "../job/plan.js";
import { controllerReference } from "../ownership/owner-reference.js";

const SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/** So many missed times are worth a warning: a clock was set, or the control plane was away for long. */
const MANY = 100;

export interface CronJobState {
  cronJob: CronJob;
  /** All Jobs it manages. */
  jobs: readonly Job[];
  /** Milliseconds since the epoch. */
  now: number;
}

export interface CronJobPlan {
  status: CronJobStatus;
  /** Run, and have to make room. */
  replace: Job[];
  create?: Draft<Job>;
  /** Over, and more than are to be kept. */
  remove: Job[];
  events: { type: "Normal" | "Warning"; reason: string; message: string }[];
  /** Milliseconds. */
  requeueAfter?: number;
}

export function planCronJob(state: CronJobState): CronJobPlan {
  const { cronJob, jobs } = state;
  const plan: CronJobPlan = { status: { ...cronJob.status }, replace: [], remove: [], events: [] };
  if (cronJob.metadata.deletionTimestamp) return plan;
  followJobs(state, plan);
  plan.remove.push(...surplus(state, "Complete"), ...surplus(state, "Failed"));
  if (!cronJob.spec?.suspend)
    schedule(
      state,
      jobs.filter((job) => !isFinished(job) && !job.metadata.deletionTimestamp),
      plan,
    );
  return plan;
}

const typeOf = (job: Job) => isFinished(job)?.type;

/** What runs, and when one last succeeded. */
function followJobs({ cronJob, jobs }: CronJobState, { status, events }: CronJobPlan): void {
  const known = cronJob.status?.active ?? [];
  const running = jobs.filter((job) => !isFinished(job));
  for (const { uid, name } of known) {
    const job = jobs.find(({ metadata }) => metadata.uid === uid);
    if (!job) events.push({ type: "Normal", reason: "MissingJob", message: `Active job went missing: ${name}` });
    else if (isFinished(job))
      events.push({
        type: "Normal",
        reason: "SawCompletedJob",
        message: `Saw completed job: ${name}, condition: ${typeOf(job)}`,
      });
  }
  // As it was when it was first seen: not a write for every change of the Job.
  status.active = running.map((job) => known.find(({ uid }) => uid === job.metadata.uid) ?? referenceOf(job));
  for (const { status: job } of jobs) {
    const ended = job?.completionTime;
    if (ended && Date.parse(ended) > Date.parse(status.lastSuccessfulTime ?? formatTime(0)))
      status.lastSuccessfulTime = ended;
  }
}

const referenceOf = ({ metadata }: Job) => ({
  ...{ apiVersion: "batch/v1", kind: "Job", name: metadata.name, namespace: metadata.namespace },
  ...{ uid: metadata.uid, resourceVersion: metadata.resourceVersion },
});

/** The oldest of those that are over, beyond what is to be kept. */
function surplus({ cronJob, jobs }: CronJobState, type: "Complete" | "Failed"): Job[] {
  const { successfulJobsHistoryLimit = 3, failedJobsHistoryLimit = 1 } = cronJob.spec!;
  const limit = type === "Complete" ? successfulJobsHistoryLimit : failedJobsHistoryLimit;
  const begun = ({ status, metadata }: Job) => Date.parse(status?.startTime ?? metadata.creationTimestamp ?? "");
  const over = jobs.filter((job) => typeOf(job) === type && !job.metadata.deletionTimestamp);
  return over.sort((a, b) => begun(a) - begun(b)).slice(0, Math.max(0, over.length - limit));
}

function schedule({ cronJob, now }: CronJobState, running: readonly Job[], plan: CronJobPlan): void {
  const { schedule: text, timeZone, startingDeadlineSeconds, concurrencyPolicy } = cronJob.spec!;
  const times = new CronSchedule(text, timeZone);
  const next = times.after(now);
  if (next !== undefined) plan.requeueAfter = next - now;
  const since = Date.parse(cronJob.status?.lastScheduleTime ?? cronJob.metadata.creationTimestamp ?? "");
  const due = times.before(now);
  if (due === undefined || due <= since) return;
  warnOfMany(times, since, due, plan);
  if (startingDeadlineSeconds !== undefined && due + startingDeadlineSeconds * 1000 < now) {
    const message = `Missed scheduled time to start a job: ${formatTime(due)}`;
    plan.events.push({ type: "Warning", reason: "MissSchedule", message });
    return;
  }
  if (running.length > 0 && concurrencyPolicy === "Forbid") {
    const message = "Not starting job because prior execution is running and concurrency policy is Forbid";
    plan.events.push({ type: "Normal", reason: "JobAlreadyActive", message });
    return;
  }
  if (concurrencyPolicy === "Replace") plan.replace.push(...running);
  plan.create = jobFor(cronJob, due);
  plan.status.lastScheduleTime = formatTime(due);
}

function warnOfMany(times: CronSchedule, since: number, due: number, { events }: CronJobPlan): void {
  let missed = 0;
  for (let time = times.after(since); time !== undefined && time <= due && missed <= MANY; time = times.after(time))
    missed++;
  const message = `too many missed start times: more than ${MANY}. Set or decrease .spec.startingDeadlineSeconds or check clock skew`;
  if (missed > MANY) events.push({ type: "Warning", reason: "TooManyMissedTimes", message });
}

/** Named by its time: made twice, it is one. */
function jobFor(cronJob: CronJob, due: number): Draft<Job> {
  const { jobTemplate } = cronJob.spec!;
  const { labels, annotations } = jobTemplate.metadata ?? {};
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: `${cronJob.metadata.name}-${Math.floor(due / 60_000)}`,
      namespace: cronJob.metadata.namespace,
      labels,
      annotations: { ...annotations, [SCHEDULED]: formatTime(due) },
      ownerReferences: [controllerReference(cronJobs, cronJob)],
    },
    spec: jobTemplate.spec ?? { template: {} },
  };
}
