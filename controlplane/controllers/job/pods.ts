/** How many Pods a Job that goes on should have, and for which indexes. */
import type { Job, Pod, PodTemplateSpec } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { isPodTerminal } from "#api/pod-state.js";
import { jobs } from "#api/refs.js";
import { podFromTemplate } from "../ownership/pod-from-template.js";
import { podsToDelete } from "../replicaset/deletion-order.js";
import { nextTry } from "./backoff.js";
import { failuresBefore, INDEX_VARIABLE, indexAnnotations, indexLabels, indexOf, isIndexed } from "./indexes.js";
import type { JobPlan } from "./plan.js";
import { failureVerdict } from "./policies.js";
import { TRACKING } from "./tracking.js";

/** So many Pods are made in one reconcile at most. */
const BURST = 500;

/** A Pod to be made. */
export interface PodOrder {
  index?: number;
  /** How often the index has failed, where that is limited. */
  failures?: number;
}

interface Work {
  job: Job;
  pods: readonly Pod[];
  active: readonly Pod[];
  terminating: readonly Pod[];
  succeeded: number;
  completedIndexes: ReadonlySet<number>;
  failedIndexes: ReadonlySet<number>;
  now: number;
}

export function planPods(work: Work, plan: JobPlan): void {
  const { job, active, terminating } = work;
  const misplaced = isIndexed(job) ? withoutPlace(work) : [];
  const useful = active.filter((pod) => !misplaced.includes(pod));
  const want = wanted(work, useful.length);
  plan.dismiss.push(...misplaced, ...surplus(work, useful, useful.length - want));
  const waitsForEnd = job.spec?.podReplacementPolicy === "Failed";
  const missing = want - useful.length - (waitsForEnd ? terminating.length : 0);
  if (missing <= 0) return;
  const orders = isIndexed(job) ? indexOrders(work, useful) : Array.from({ length: missing }, (): PodOrder => ({}));
  const due = orders.filter((order) => {
    const wait = mayTry(work, order) - work.now;
    if (wait > 0) plan.requeueAfter = Math.min(plan.requeueAfter ?? wait, wait);
    return wait <= 0;
  });
  plan.create.push(...due.slice(0, Math.min(missing, BURST)));
}

function wanted({ job, succeeded, failedIndexes }: Work, active: number): number {
  const { completions, parallelism = 1 } = job.spec!;
  if (completions === undefined) return succeeded > 0 ? Math.min(active, parallelism) : parallelism;
  return Math.min(parallelism, Math.max(0, completions - succeeded - failedIndexes.size));
}

/** Of no index of the Job, of one that is done, or the second of one. */
function withoutPlace({ job, active, completedIndexes, failedIndexes }: Work): Pod[] {
  const taken = new Set<number>();
  return active.filter((pod) => {
    const index = indexOf(pod) ?? Number.POSITIVE_INFINITY;
    const isUseless =
      index >= (job.spec?.completions ?? 0) ||
      taken.has(index) ||
      completedIndexes.has(index) ||
      failedIndexes.has(index);
    taken.add(index);
    return isUseless;
  });
}

function surplus({ job, now }: Work, active: readonly Pod[], count: number): Pod[] {
  if (count <= 0) return [];
  if (!isIndexed(job)) return podsToDelete(active, active, count, now);
  return [...active].sort((a, b) => (indexOf(b) ?? 0) - (indexOf(a) ?? 0)).slice(0, count);
}

function indexOrders(
  { job, pods, terminating, completedIndexes, failedIndexes }: Work,
  active: readonly Pod[],
): PodOrder[] {
  const { completions = 0, backoffLimitPerIndex, podReplacementPolicy } = job.spec!;
  const busy = new Set(active.map(indexOf));
  if (podReplacementPolicy === "Failed") for (const pod of terminating) busy.add(indexOf(pod));
  const orders: PodOrder[] = [];
  for (let index = 0; index < completions; index++) {
    if (busy.has(index) || completedIndexes.has(index) || failedIndexes.has(index)) continue;
    orders.push(backoffLimitPerIndex === undefined ? { index } : { index, failures: failuresOf(job, pods, index) });
  }
  return orders;
}

const isCounted = (job: Job, pod: Pod) => failureVerdict(job, pod).action !== "Ignore";

/** How often the index has failed, by what its Pods know. */
function failuresOf(job: Job, pods: readonly Pod[], index: number): number {
  const ended = pods.filter((pod) => indexOf(pod) === index && pod.status?.phase !== "Succeeded");
  return Math.max(0, ...ended.map((pod) => failuresBefore(pod) + (isCounted(job, pod) ? 1 : 0)));
}

/** Failures that count for nothing hold nothing up either. */
function mayTry({ job, pods, now }: Work, { index }: PodOrder): number {
  const perIndex = job.spec?.backoffLimitPerIndex !== undefined;
  const isFailure = (pod: Pod) => pod.status?.phase === "Failed";
  const ended = pods.filter(
    (pod) => isPodTerminal(pod) && (!perIndex || indexOf(pod) === index) && (!isFailure(pod) || isCounted(job, pod)),
  );
  return nextTry(ended, isFailure, now);
}

export function podFor(job: Job, { index, failures }: PodOrder): Draft<Pod> {
  const template: PodTemplateSpec = job.spec?.template ?? {};
  const draft = podFromTemplate(jobs, job, template);
  const metadata = { ...draft.metadata, finalizers: [...(draft.metadata.finalizers ?? []), TRACKING] };
  if (index === undefined) return { ...draft, metadata };
  const name = `${job.metadata.name}-${index}`;
  const told = <C extends { env?: { name: string }[] }>(container: C): C => {
    const env = container.env ?? [];
    return env.some((variable) => variable.name === INDEX_VARIABLE.name)
      ? container
      : { ...container, env: [...env, INDEX_VARIABLE] };
  };
  return {
    ...draft,
    metadata: {
      ...metadata,
      generateName: `${name}-`,
      labels: { ...metadata.labels, ...indexLabels(index) },
      annotations: { ...metadata.annotations, ...indexAnnotations(index, failures) },
    },
    spec: {
      ...draft.spec,
      hostname: name,
      containers: draft.spec.containers.map(told),
      ...(draft.spec.initContainers ? { initContainers: draft.spec.initContainers.map(told) } : {}),
    },
  };
}
