import type { CronJob, CronJobSpec } from "#api/generated/types.js";
import { cronJobs } from "#api/refs.js";
import { ageColumn, containerColumns, nameColumn } from "../columns.js";
import { humanAge } from "../duration-text.js";
import { defaultJobSpec } from "../job/defaults.js";
import type { Column, Kind } from "../kind.js";
import { podSpecWarnings } from "../pod/warnings.js";
import { validateCronJob } from "./validate.js";

const columns: Column<CronJob>[] = [
  nameColumn,
  {
    name: "Schedule",
    type: "string",
    description: "When it makes Jobs, in the five fields of cron.",
    value: ({ spec }) => spec?.schedule,
  },
  {
    name: "Timezone",
    type: "string",
    description: "Where that is meant.",
    value: ({ spec }) => spec?.timeZone ?? "<none>",
  },
  {
    name: "Suspend",
    type: "string",
    description: "Whether it makes none for now.",
    value: ({ spec }) => (spec?.suspend ? "True" : "False"),
  },
  {
    name: "Active",
    type: "integer",
    description: "Jobs of it that run.",
    value: ({ status }) => status?.active?.length ?? 0,
  },
  {
    name: "Last Schedule",
    type: "string",
    description: "Time since it was last due.",
    value: ({ status }, now) => (status?.lastScheduleTime ? humanAge(status.lastScheduleTime, now) : "<none>"),
  },
  ageColumn,
  ...containerColumns<CronJob>(({ spec }) => spec?.jobTemplate.spec?.template.spec?.containers),
  {
    name: "Selector",
    type: "string",
    priority: 1,
    description: "Jobs are known by their owner.",
    value: () => "<none>",
  },
];

/** https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ */
export const cronJob: Kind<CronJob> = {
  ...cronJobs,
  singular: "cronjob",
  shortNames: ["cj"],
  categories: ["all"],
  schema: "CronJob",
  nameRule: "dns-subdomain",
  hasGeneration: true,
  columns,
  subresources: { status: true },
  defaults: defaultCronJob,
  validate: validateCronJob,
  warnings: ({ spec }) => podSpecWarnings("spec.jobTemplate.spec.template.spec", spec?.jobTemplate.spec?.template.spec),
  prepareForCreate(object) {
    object.status = {};
  },
};

function defaultCronJob(object: CronJob): void {
  const spec: Partial<CronJobSpec> = object.spec ?? {};
  object.spec = spec as CronJobSpec;
  spec.concurrencyPolicy ||= "Allow";
  spec.suspend ??= false;
  spec.successfulJobsHistoryLimit ??= 3;
  spec.failedJobsHistoryLimit ??= 1;
  spec.jobTemplate ??= {};
  spec.jobTemplate.spec ??= { template: {} };
  // Numbers and policies of a Job are filled in when there is one.
  const { template } = spec.jobTemplate.spec;
  defaultJobSpec({ template } as never);
}
