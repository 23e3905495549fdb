/** What to do next for one Pod: a pure function of what is asked for and what is there. */
import type { Container, Pod } from "#api/generated/types.js";
import type { ContainerState, Sandbox } from "../runtime/runtime.js";
import { attemptsOf, currentSandbox, hasEnded, latestOf, type PodView } from "./pod-view.js";
import { nextStart, RESTART_DELAY_LABEL, type RestartBackoff } from "./restart-backoff.js";
import { isSidecar, shouldRestart } from "./restart-policy.js";
import { nextToStop } from "./stop-order.js";

export interface PlanInput {
  pod: Pod;
  view: PodView;
  /** Milliseconds since the epoch. */
  now: number;
  backoff: RestartBackoff;
  /** It was decided that the Pod has failed, whatever its containers do. */
  failed?: boolean;
  /** Ids of running containers that a liveness or startup probe or a failed hook condemned. */
  condemned: ReadonlyMap<string, Condemned>;
  /** Has the running container passed its startup probe (or has none)? */
  isStarted(containerId: string): boolean;
  /** Has the running container a postStart hook that is under way? */
  isInPostStart(containerId: string): boolean;
}

/** Why a container is killed, for the Event, and what time it gets; absent: the Pod's grace period. */
export interface Condemned {
  message: string;
  graceSeconds?: number;
}

export interface PodPlan {
  /** Nothing will run again: the Pod has succeeded or failed, and gives its network and volumes back. */
  finished: boolean;
  /** Set when there has to be a new sandbox, before anything starts. */
  newSandboxAttempt?: number;
  /** Sandboxes and containers that must not go on. */
  stopSandboxes: Sandbox[];
  kill: PlannedKill[];
  /** In this order. */
  start: PlannedStart[];
  /** Containers whose turn comes when the init containers are through. */
  behindInit: string[];
  /** Containers held back by their restart back-off, by name. */
  held: Map<string, { delay: number; at: number }>;
}

export interface PlannedKill extends Condemned {
  container: ContainerState;
}

export interface PlannedStart {
  container: Container;
  init: boolean;
  attempt: number;
  /** Milliseconds that the start was held back; absent for a first start. */
  restartDelay?: number;
  /** Created before, never started: only start it. */
  createdId?: string;
}

export function isTerminalPhase(phase: string | undefined): boolean {
  return phase === "Succeeded" || phase === "Failed";
}

export function plan(input: PlanInput): PodPlan {
  const { pod, view } = input;
  const sandbox = currentSandbox(view);
  const result: PodPlan = {
    finished: input.failed === true || isTerminalPhase(pod.status?.phase) || isFinished(pod, view),
    stopSandboxes: view.sandboxes.filter((other) => other.running && other.id !== sandbox?.id),
    kill: [],
    start: [],
    behindInit: [],
    held: new Map(),
  };
  if (result.finished) {
    const kill = nextToStop(pod, running(view));
    result.kill = kill.map((container) => ({ container, message: `Stopping container ${container.name}` }));
    return result;
  }
  if (!sandbox?.running) {
    result.newSandboxAttempt = sandbox ? sandbox.attempt + 1 : 0;
    result.kill = running(view).map((container) => ({
      container,
      message: `Stopping container ${container.name}: the sandbox it ran in has ended`,
    }));
    if (result.kill.length > 0) return result;
  }
  planEphemeral(input, sandbox?.running ? sandbox.id : "", result);
  planContainers(input, sandbox?.running ? sandbox.id : "", result);
  return result;
}

const running = (view: PodView) => view.containers.filter((container) => container.state === "running");

/**
 * Dead containers and ids of sandboxes that nobody needs any more.
 * @param keep attempts of a container before the current one that stay; `logs --previous` shows the last of them
 */
export function leftovers(view: PodView, keep = 1): { containers: ContainerState[]; sandboxes: string[] } {
  const names = new Set(view.containers.map(({ name }) => name));
  const old = [...names].flatMap((name) => attemptsOf(view, name).slice(1 + keep));
  const current = currentSandbox(view);
  return {
    containers: old.filter((container) => container.state !== "running"),
    sandboxes: view.sandboxes.filter((other) => !other.running && other.id !== current?.id).map(({ id }) => id),
  };
}

/** Has every container had its last run? Sidecars do not keep a Pod alive. */
export function isFinished(pod: Pod, view: PodView): boolean {
  for (const container of pod.spec.initContainers ?? []) {
    if (isSidecar(container)) continue;
    const latest = latestOf(view, container.name);
    if (latest && hasEnded(latest) && latest.exitCode !== 0 && !shouldRestart(pod, container, latest.exitCode, true))
      return true;
  }
  return pod.spec.containers.every((container) => {
    const latest = latestOf(view, container.name);
    return latest && hasEnded(latest) && !shouldRestart(pod, container, latest.exitCode, false);
  });
}

/** @param sandboxId the running sandbox, "" when it has yet to be made */
function planContainers(input: PlanInput, sandboxId: string, result: PodPlan): void {
  const { pod, view } = input;
  const inSandbox = (container: Container) =>
    view.containers.some((c) => c.name === container.name && c.sandboxId === sandboxId);
  const initialized = sandboxId !== "" && pod.spec.containers.some(inSandbox);
  for (const container of pod.spec.initContainers ?? []) {
    if (initialized && !isSidecar(container)) continue;
    const done = planOne(input, sandboxId, container, true, result);
    if (!done && !initialized) {
      result.behindInit = pod.spec.containers.map(({ name }) => name);
      return;
    }
  }
  for (const container of pod.spec.containers) {
    planOne(input, sandboxId, container, false, result);
    // The next is started when the hook of the one before it is through: what it prepares can be relied on.
    const latest = latestOf(view, container.name);
    if (latest?.state === "running" && input.isInPostStart(latest.id)) return;
  }
}

/** They run once, beside the others, in a sandbox that is there: none is made for them. */
function planEphemeral({ pod, view }: PlanInput, sandboxId: string, { start }: PodPlan): void {
  if (!sandboxId) return;
  for (const container of (pod.spec.ephemeralContainers ?? []) as Container[]) {
    const latest = latestOf(view, container.name);
    const known = pod.status?.ephemeralContainerStatuses?.find(({ name }) => name === container.name);
    const created = latest?.state === "created" && !hasEnded(latest) && latest.sandboxId === sandboxId;
    if (created) start.push({ container, init: false, attempt: latest.attempt, createdId: latest.id });
    else if (!latest && !known?.containerID) start.push({ container, init: false, attempt: 0 });
  }
}

/**
 * Plans for one container. Returns whether an init container is through with what the next one waits for: ended with
 * success, or, for a sidecar, started.
 */
function planOne(input: PlanInput, sandboxId: string, container: Container, init: boolean, result: PodPlan): boolean {
  const { pod, view } = input;
  const latest = latestOf(view, container.name);
  if (!latest) {
    result.start.push({ container, init, attempt: firstAttempt(pod, container.name, init) });
    return false;
  }
  // A start that failed may have done so because its sandbox had just ended: that is not the container's failure.
  const neverRan = latest.state === "created" && (!hasEnded(latest) || latest.sandboxId !== sandboxId);
  if (hasEnded(latest) && !neverRan) return planEnded(input, sandboxId, container, init, latest, result);
  if (neverRan) {
    result.start.push(startOfCreated(sandboxId, container, init, latest));
    return false;
  }
  const why = reasonToKill(input, sandboxId, container, latest);
  if (why) {
    result.kill.push({ container: latest, ...why });
    return false;
  }
  return isSidecar(container) && input.isStarted(latest.id);
}

/** It never ran, so the attempt is still to come: with it, or, if its sandbox or image is of the past, with one in its place. */
function startOfCreated(sandboxId: string, container: Container, init: boolean, latest: ContainerState): PlannedStart {
  const { attempt, id, labels } = latest;
  const fits = latest.sandboxId === sandboxId && latest.imageRef === container.image;
  const label = labels[RESTART_DELAY_LABEL];
  const restartDelay = label === undefined ? undefined : Number(label);
  return { container, init, attempt, restartDelay, createdId: fits ? id : undefined };
}

function planEnded(
  input: PlanInput,
  sandboxId: string,
  container: Container,
  init: boolean,
  latest: ContainerState,
  result: PodPlan,
): boolean {
  const current = latest.sandboxId === sandboxId;
  if (init && !isSidecar(container) && latest.exitCode === 0) {
    if (current) return true;
    // A new sandbox is initialized anew.
    result.start.push({ container, init, attempt: latest.attempt + 1, restartDelay: 0 });
    return false;
  }
  if (!shouldRestart(input.pod, container, latest.exitCode, init)) return false;
  const { delay, at } = nextStart(latest, input.backoff, input.now);
  if (at > input.now) result.held.set(container.name, { delay, at });
  else result.start.push({ container, init, attempt: latest.attempt + 1, restartDelay: delay });
  return false;
}

function reasonToKill(
  input: PlanInput,
  sandboxId: string,
  container: Container,
  latest: ContainerState,
): Condemned | undefined {
  const condemned = input.condemned.get(latest.id);
  if (condemned) return condemned;
  // The engine was killed while it started it, and takes what was to become its program for it.
  if (latest.startedAt === 0)
    return { message: `Container ${container.name} has never begun to run, will be restarted`, graceSeconds: 0 };
  if (latest.sandboxId !== sandboxId)
    return { message: `Container ${container.name} is in a sandbox of the past, will be restarted` };
  if (latest.imageRef !== container.image)
    return { message: `Container ${container.name} definition changed, will be restarted` };
  return undefined;
}

/** Rises above what the API remembers when the engine has lost the container (someone removed it). */
function firstAttempt(pod: Pod, name: string, init: boolean): number {
  const statuses = init ? pod.status?.initContainerStatuses : pod.status?.containerStatuses;
  const known = statuses?.find((status) => status.name === name);
  return known?.containerID ? known.restartCount + 1 : 0;
}
