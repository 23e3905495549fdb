import type { Job, JobSpec } from "#api/generated/types.js";
import { defaultPodTemplate } from "../pod/defaults.js";

/** No limit: what counts are the failures of each index. */
const NO_LIMIT = 2 ** 31 - 1;

export function defaultJobSpec(spec: JobSpec): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : NO_LIMIT;
  spec.completionMode ??= "NonIndexed";
  spec.suspend ??= false;
  spec.manualSelector ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? "Failed" : "TerminatingOrFailed";
  for (const { onPodConditions = [] } of spec.podFailurePolicy?.rules ?? [])
    for (const pattern of onPodConditions) pattern.status ||= "True";
  spec.template ??= {};
  defaultPodTemplate(spec.template);
}

export function defaultJob(job: Job): void {
  job.spec ??= { template: {} };
  defaultJobSpec(job.spec);
  const labels = job.spec.template.metadata?.labels;
  if (labels && !job.metadata.labels) job.metadata.labels = { ...labels };
}

const OWN_LABELS = {
  uid: ["batch.kubernetes.io/controller-uid", "controller-uid"],
  name: ["batch.kubernetes.io/job-name", "job-name"],
} as const;

/** Labels by which a Job knows its Pods, unless it brings a selector of its own. */
export function ownLabels({ uid, name }: Job["metadata"]): Record<string, string> {
  const pairs = [...OWN_LABELS.uid.map((key) => [key, uid]), ...OWN_LABELS.name.map((key) => [key, name])];
  return Object.fromEntries(pairs);
}

/** https://kubernetes.io/docs/concepts/workloads/controllers/job/#specifying-your-own-pod-selector */
export function selectOwnPods(job: Job): void {
  const { spec, metadata } = job;
  if (!spec || spec.manualSelector) return;
  const key = OWN_LABELS.uid[0];
  const template = spec.template;
  template.metadata = {
    ...template.metadata,
    labels: { ...template.metadata?.labels, ...ownLabels(metadata) },
  } as never;
  spec.selector ??= {};
  spec.selector.matchLabels = { ...spec.selector.matchLabels, [key]: metadata.uid };
}
