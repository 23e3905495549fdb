/** Makes Jobs at the times of a schedule: https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ */
import type { CronJob, Job } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { cronJobs, jobs } from "#api/refs.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from "#api/status-error.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { planCronJob } from "./cronjob/plan.js";
import { OwnWrites } from "./ownership/own-writes.js";
import { controllerOf, ownershipIndexes } from "./ownership/owner-reference.js";

export function cronJobController(): Controller {
  const jobWrites = new OwnWrites();
  const statusWrites = new OwnWrites();
  return {
    name: "cronjob",
    watches: [watch({ ref: cronJobs }), watch({ ref: jobs, indexes: ownershipIndexes, keys: ownerOf })],
    async reconcile(key, context) {
      const { client, now } = context;
      const informer = context.informer(cronJobs);
      const jobInformer = context.informer(jobs);
      const cronJob = informer.get(key);
      if (!cronJob) {
        jobWrites.forget(key);
        statusWrites.forget(key);
        return undefined;
      }
      if (!jobWrites.seen(key, jobInformer) || !statusWrites.seen(key, informer)) return undefined;
      const managed = jobInformer.byIndex("controllerUid", cronJob.metadata.uid);
      const plan = planCronJob({ cronJob, jobs: managed, now: now() });
      for (const { type, reason, message } of plan.events) context.event(cronJob, type, reason, message);
      for (const job of [...plan.replace, ...plan.remove]) await deleteJob(cronJob, job, context);
      if (plan.create) {
        const created = await createJob(cronJob, plan.create, context);
        if (created) jobWrites.wrote(key, created);
      }
      if (!semanticEqual(plan.status, cronJob.status)) {
        const written = await client.update(cronJobs, { ...cronJob, status: plan.status }, { subresource: "status" });
        statusWrites.wrote(key, written);
      }
      return plan.requeueAfter;
    },
  };
}

function ownerOf(job: Job): string[] {
  const owner = controllerOf(job);
  return owner?.kind === cronJobs.kind ? [`${job.metadata.namespace}/${owner.name}`] : [];
}

/** @returns undefined when it was made before, by a controller that did not live to say so */
async function createJob(cronJob: CronJob, draft: Draft<Job>, context: ControllerContext): Promise<Job | undefined> {
  try {
    const job = await context.client.create(jobs, draft);
    context.event(cronJob, "Normal", "SuccessfulCreate", `Created job ${job.metadata.name}`);
    return job;
  } catch (error) {
    if (isAlreadyExists(error) && !isNamespaceTerminating(error)) {
      const { name = "", namespace } = draft.metadata;
      const existing = await context.client.get(jobs, name, namespace);
      if (controllerOf(existing)?.uid === cronJob.metadata.uid) return undefined;
    }
    if (!isNamespaceTerminating(error))
      context.event(cronJob, "Warning", "FailedCreate", `Error creating job: ${(error as Error).message}`);
    throw error;
  }
}

async function deleteJob(cronJob: CronJob, { metadata }: Job, { client, event }: ControllerContext): Promise<void> {
  const { name, namespace, uid } = metadata;
  try {
    await client.delete(jobs, name, namespace, { preconditions: { uid }, propagationPolicy: "Background" });
    event(cronJob, "Normal", "SuccessfulDelete", `Deleted job ${name}`);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
