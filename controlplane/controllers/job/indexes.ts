/** The Pods of an Indexed Job, each for one index. */
import type { Job, Pod } from "#api/generated/types.js";

const INDEX = "batch.kubernetes.io/job-completion-index";
const FAILURES = "batch.kubernetes.io/job-index-failure-count";

export const isIndexed = ({ spec }: Job) => spec?.completionMode === "Indexed";

export function indexOf({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[INDEX];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** How often the index had failed before this Pod. */
export const failuresBefore = ({ metadata }: Pod) => Number(metadata.annotations?.[FAILURES] ?? 0);

export function indexAnnotations(index: number, failures: number | undefined): Record<string, string> {
  return { [INDEX]: String(index), ...(failures === undefined ? {} : { [FAILURES]: String(failures) }) };
}

export const indexLabels = (index: number): Record<string, string> => ({ [INDEX]: String(index) });

/** How a container is told its index. */
export const INDEX_VARIABLE = {
  name: "JOB_COMPLETION_INDEX",
  valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: `metadata.labels['${INDEX}']` } },
};
