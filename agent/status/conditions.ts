import { DISRUPTION_TARGET } from "#api/disruption.js";
import type { ContainerStatus, Pod, PodCondition } from "#api/generated/types.js";
import { formatTime } from "#api/time.js";
import type { ResizeState } from "../pods/resize.js";
import type { Phase } from "./phase.js";

export interface ConditionFacts {
  pod: Pod;
  phase: Phase;
  init: readonly ContainerStatus[];
  main: readonly ContainerStatus[];
  /** The sandbox runs and is on the network. */
  readyToStart: boolean;
  resize: ResizeState;
  /** Why the node ends the Pod without a fault of its own. */
  disrupted?: string;
  previous: readonly PodCondition[];
  /** Milliseconds since the epoch. */
  now: number;
}

interface Verdict {
  status: "True" | "False";
  reason?: string;
  message?: string;
}

const TRUE: Verdict = { status: "True" };

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-conditions. Conditions of others are left out. */
export function podConditions(facts: ConditionFacts): PodCondition[] {
  const containersReady = containersReadyVerdict(facts);
  const verdicts: [string, Verdict][] = [
    ["PodReadyToStartContainers", { status: facts.readyToStart ? "True" : "False" }],
    ["Initialized", initializedVerdict(facts)],
    ["Ready", readyVerdict(facts, containersReady)],
    ["ContainersReady", containersReady],
    ["PodScheduled", TRUE],
    ...resizeVerdicts(facts.resize),
    ...disruption(facts.disrupted),
  ];
  return verdicts.map(([type, verdict]) => condition(type, verdict, facts));
}

function condition(type: string, verdict: Verdict, { pod, previous, now }: ConditionFacts): PodCondition {
  const before = previous.find((c) => c.type === type);
  const same = before?.status === verdict.status && before.lastTransitionTime !== undefined;
  return {
    type,
    ...verdict,
    lastProbeTime: before?.lastProbeTime,
    lastTransitionTime: same ? before.lastTransitionTime : formatTime(now),
    observedGeneration: pod.metadata.generation,
  };
}

/** They are there only while they hold. */
export const PASSING_CONDITIONS: ReadonlySet<string> = new Set(["PodResizePending", "PodResizeInProgress"]);

function resizeVerdicts({ pending, inProgress }: ResizeState): [string, Verdict][] {
  const verdicts: [string, Verdict][] = [];
  if (pending) verdicts.push(["PodResizePending", { status: "True", ...pending }]);
  if (inProgress) {
    const { message } = inProgress;
    verdicts.push(["PodResizeInProgress", { status: "True", ...(message ? { reason: "Error", message } : {}) }]);
  }
  return verdicts;
}

function disruption(message: string | undefined): [string, Verdict][] {
  return message ? [[DISRUPTION_TARGET, { status: "True", reason: "TerminationByKubelet", message }]] : [];
}

function initializedVerdict({ pod, phase, init, main }: ConditionFacts): Verdict {
  if (phase === "Succeeded") return { status: "True", reason: "PodCompleted" };
  if (main.some(({ state, lastState }) => state?.running || state?.terminated || lastState?.terminated)) return TRUE;
  const sidecars = new Set(
    (pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === "Always").map((c) => c.name),
  );
  const incomplete = init.filter((status) =>
    sidecars.has(status.name) ? !status.started : status.state?.terminated?.exitCode !== 0,
  );
  if (incomplete.length === 0) return TRUE;
  return {
    status: "False",
    reason: "ContainersNotInitialized",
    message: `containers with incomplete status: [${names(incomplete)}]`,
  };
}

function containersReadyVerdict({ pod, phase, init, main }: ConditionFacts): Verdict {
  if (phase === "Succeeded") return { status: "False", reason: "PodCompleted" };
  if (phase === "Failed") return { status: "False", reason: "PodFailed" };
  const sidecars = new Set(
    (pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === "Always").map((c) => c.name),
  );
  const unready = [...init.filter(({ name }) => sidecars.has(name)), ...main].filter(({ ready }) => !ready);
  if (unready.length === 0) return TRUE;
  return {
    status: "False",
    reason: "ContainersNotReady",
    message: `containers with unready status: [${names(unready)}]`,
  };
}

function readyVerdict({ pod, previous }: ConditionFacts, containersReady: Verdict): Verdict {
  if (containersReady.status === "False") return containersReady;
  const missing = (pod.spec.readinessGates ?? []).filter(
    ({ conditionType }) => previous.find((c) => c.type === conditionType)?.status !== "True",
  );
  if (missing.length === 0) return TRUE;
  const messages = missing.map(({ conditionType: type }) => {
    const present = previous.some((c) => c.type === type);
    return present
      ? `the status of pod readiness gate "${type}" is not "True", but ${previous.find((c) => c.type === type)?.status}`
      : `corresponding condition of pod readiness gate "${type}" does not exist.`;
  });
  return { status: "False", reason: "ReadinessGatesNotReady", message: messages.join(", ") };
}

function names(statuses: readonly ContainerStatus[]): string {
  return statuses.map(({ name }) => name).join(" ");
}
