import type { Job } from "#api/generated/types.js";
import { jobs } from "#api/refs.js";
import { ageColumn, nameColumn, workloadColumns } from "../columns.js";
import { humanDuration } from "../duration-text.js";
import type { Kind } from "../kind.js";
import { podSpecWarnings } from "../pod/warnings.js";
import { defaultJob, selectOwnPods } from "./defaults.js";
import { validateJob, validateJobStatus, validateJobUpdate } from "./validate.js";

type Specified = Job & { spec: NonNullable<Job["spec"]> };

/** https://kubernetes.io/docs/concepts/workloads/controllers/job/ */
export const job: Kind<Job> = {
  ...jobs,
  singular: "job",
  categories: ["all"],
  schema: "Job",
  nameRule: "dns-subdomain",
  hasGeneration: true,
  columns: [
    nameColumn,
    {
      name: "Status",
      type: "string",
      description: "What has become of it.",
      value: statusText,
    },
    {
      name: "Completions",
      type: "string",
      description: "Pods that have succeeded, out of those wanted.",
      value: ({ spec, status }) => completionsText(spec, status?.succeeded ?? 0),
    },
    {
      name: "Duration",
      type: "string",
      description: "How long it has been running, or ran.",
      value: ({ status }, now) => durationText(status, now),
    },
    ageColumn,
    ...workloadColumns<Specified>(),
  ] as Kind<Job>["columns"],
  subresources: { status: { validate: validateJobStatus } },
  defaults: defaultJob,
  validate: validateJob,
  validateUpdate: validateJobUpdate,
  warnings: ({ spec }) => podSpecWarnings("spec.template.spec", spec?.template?.spec),
  prepareForCreate(object) {
    object.status = {};
    selectOwnPods(object);
  },
  selectableFields: ({ status }) => ({ "status.successful": String(status?.succeeded ?? 0) }),
};

function statusText({ metadata, status }: Job): string {
  const isTrue = (type: string) => status?.conditions?.some((c) => c.type === type && c.status === "True");
  const over = ["Complete", "Failed"].find(isTrue);
  if (over) return over;
  if (metadata.deletionTimestamp) return "Terminating";
  return ["Suspended", "FailureTarget", "SuccessCriteriaMet"].find(isTrue) ?? "Running";
}

function completionsText(spec: Job["spec"], succeeded: number): string {
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const { parallelism = 0 } = spec ?? {};
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationText(status: Job["status"], now: number): string {
  if (!status?.startTime) return "";
  const end = status.completionTime ? Date.parse(status.completionTime) : now;
  return humanDuration(end - Date.parse(status.startTime));
}
