/**
 * How many replicas a measurement asks for: a pure function of Pods and readings.
 * https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details
 */
import type { Pod } from "#api/generated/types.js";
import { podCondition } from "#api/pod-state.js";

/** A Pod that starts uses much and serves nobody: for so long (ms) its CPU counts only if measured since it became ready. */
const START_MS = 5 * 60_000;
/** One that never was ready since it started has no meaning for that long after, ms. */
const FIRST_READY_MS = 30_000;

export interface Reading {
  /** In the resource's own unit: see `api/pod-resources.ts`. */
  readonly value: number;
  /** When the measured span ended, ms since the epoch, and how long it was, ms. */
  readonly at: number;
  readonly span: number;
}

export interface Measured {
  readonly resource: string;
  readonly pods: readonly Pod[];
  /** By the name of the Pod. */
  readonly readings: ReadonlyMap<string, Reading>;
  /** What the Pod asks for of the resource. @throws Error when a container does not say */
  requestOf(pod: Pod): number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** How far from the goal is near enough, as parts of it. */
export interface Tolerance {
  readonly up: number;
  readonly down: number;
}

export interface Demand {
  readonly replicas: number;
  /** Used by a Pod on average, in the resource's unit. */
  readonly average: number;
  /** In percent of what is asked for; for a goal in percent only. */
  readonly utilization?: number;
}

interface Groups {
  readonly ready: number;
  readonly unready: readonly string[];
  readonly missing: readonly string[];
}

type Values = ReadonlyMap<string, number>;

/** @param target percent @throws Error that says what is missing */
export function demandForUtilization(
  current: number,
  target: number,
  tolerance: Tolerance,
  measured: Measured,
): Demand {
  const { values, groups } = sorted(measured);
  const requests = new Map(measured.pods.map((pod) => [pod.metadata.name, measured.requestOf(pod)]));
  const share = (some: Values) => {
    const asked = total([...some.keys()].map((name) => requests.get(name) ?? 0));
    return asked > 0 ? total(some.values()) / asked : 0;
  };
  const ratio = (some: Values) => Math.trunc(share(some) * 100) / target;
  const assumed = (name: string) => ((requests.get(name) ?? 0) * Math.max(100, target)) / 100;
  const replicas = decide(current, { values, groups, tolerance, ratio, assumed });
  return { replicas, average: mean(values), utilization: Math.trunc(share(values) * 100) };
}

/** @param target of a Pod on average, in the resource's unit @throws Error that says what is missing */
export function demandForAverage(current: number, target: number, tolerance: Tolerance, measured: Measured): Demand {
  const { values, groups } = sorted(measured);
  const ratio = (some: Values) => mean(some) / target;
  return {
    replicas: decide(current, { values, groups, tolerance, ratio, assumed: () => target }),
    average: mean(values),
  };
}

const total = (values: Iterable<number>) => [...values].reduce((sum, value) => sum + value, 0);
const mean = (values: Values) => total(values.values()) / Math.max(1, values.size);

function sorted(measured: Measured): { values: Values; groups: Groups } {
  const { pods, readings } = measured;
  if (pods.length === 0) throw new Error("no pods returned by selector while calculating replica count");
  const values = new Map<string, number>();
  const unready: string[] = [];
  const missing: string[] = [];
  for (const pod of pods) {
    const { name, deletionTimestamp } = pod.metadata;
    const reading = readings.get(name);
    if (deletionTimestamp || pod.status?.phase === "Failed") continue;
    if (pod.status?.phase === "Pending") unready.push(name);
    else if (!reading) missing.push(name);
    else if (measured.resource === "cpu" && !counts(pod, reading, measured.now)) unready.push(name);
    else values.set(name, reading.value);
  }
  if (values.size === 0) throw new Error("did not receive metrics for targeted pods (pods might be unready)");
  return { values, groups: { ready: values.size, unready, missing } };
}

function counts(pod: Pod, reading: Reading, now: number): boolean {
  const ready = podCondition(pod, "Ready");
  const started = Date.parse(pod.status?.startTime ?? "");
  if (!ready || Number.isNaN(started)) return false;
  const changed = Date.parse(ready.lastTransitionTime ?? "");
  if (now < started + START_MS) return ready.status !== "False" && reading.at >= changed + reading.span;
  return !(ready.status === "False" && changed < started + FIRST_READY_MS);
}

interface Decision {
  readonly values: Values;
  readonly groups: Groups;
  readonly tolerance: Tolerance;
  /** Of what is used to what is the goal. */
  ratio(values: Values): number;
  /** What a Pod of which nothing is known is taken to use when there seem to be too many. */
  assumed(name: string): number;
}

/** What is not known speaks against a change: the unmeasured are taken to be busy before one goes, idle before one comes. */
function decide(current: number, { values, groups, tolerance, ratio, assumed }: Decision): number {
  const near = (value: number) => value >= 1 - tolerance.down && value <= 1 + tolerance.up;
  const first = ratio(values);
  const waits = groups.unready.length > 0 && first > 1;
  if (!waits && groups.missing.length === 0) return near(first) ? current : Math.ceil(first * groups.ready);
  const all = new Map(values);
  for (const name of groups.missing) all.set(name, first < 1 ? assumed(name) : 0);
  if (waits) for (const name of groups.unready) all.set(name, 0);
  const second = ratio(all);
  if (near(second) || (first < 1 && second > 1) || (first > 1 && second < 1)) return current;
  const replicas = Math.ceil(second * all.size);
  const isContrary = second < 1 ? replicas > current : replicas < current;
  return isContrary ? current : replicas;
}
