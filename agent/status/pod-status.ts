/** The status of a Pod as this node sees it: a pure function of spec, engine and what the worker knows. */
import type { Container, ContainerStatus, Pod, PodStatus } from "#api/generated/types.js";
import { formatTime } from "#api/time.js";
import type { PodFailure } from "../pods/pod-admission.js";
import { attemptsOf, type PodView } from "../pods/pod-view.js";
import { qosClass } from "../pods/qos.js";
import { isSized, type ResizeState } from "../pods/resize.js";
import { podConditions } from "./conditions.js";
import { containerStatus, type Waiting } from "./container-status.js";
import { isTerminal, type Phase, podPhase } from "./phase.js";

export interface PodFacts {
  pod: Pod;
  view: PodView;
  /** Why a container does not run, by name. */
  waiting: ReadonlyMap<string, Waiting>;
  /** Last words by container id. */
  messages: ReadonlyMap<string, string>;
  isReady(containerId: string): boolean;
  isStarted(containerId: string): boolean;
  /** Its postStart hook is under way: to the outside it does not run yet. */
  isInPostStart(containerId: string): boolean;
  /** Why the Pod has failed as a whole, when that was decided. */
  failure?: PodFailure;
  imageDigest(imageId: string): string | undefined;
  resize: ResizeState;
  podIPs: readonly string[];
  hostIPs: readonly string[];
  readyToStart: boolean;
  /** Milliseconds since the epoch when this node took the Pod on. */
  startTime: number;
  /** The Pod is going away, nothing will be started again: this is its last status. */
  last: boolean;
  /** What was last reported. */
  previous?: PodStatus;
  now: number;
}

export function podStatus(facts: PodFacts): PodStatus {
  const { pod, previous } = facts;
  const { initContainers = [], containers, ephemeralContainers = [] } = pod.spec;
  const init = statusesOf(facts, initContainers, "initContainerStatuses");
  const main = statusesOf(facts, containers, "containerStatuses");
  const ephemeral = statusesOf(facts, ephemeralContainers as Container[], "ephemeralContainerStatuses");
  const phase = phaseOf(facts, init, main);
  const failure = isTerminal(phase) && !isTerminal(previous?.phase) ? facts.failure : previous;
  const { readyToStart, now, resize } = facts;
  const conditions = podConditions({
    pod,
    phase,
    init,
    main,
    readyToStart,
    now,
    resize,
    disrupted: facts.failure?.disruption ? facts.failure.message : undefined,
    previous: previous?.conditions ?? [],
  });
  const podIPs = facts.podIPs.length > 0 ? facts.podIPs : (previous?.podIPs ?? []).map(({ ip }) => ip);
  return {
    observedGeneration: pod.metadata.generation,
    phase,
    conditions,
    reason: failure?.reason,
    message: failure?.message,
    hostIP: facts.hostIPs[0],
    hostIPs: facts.hostIPs.map((ip) => ({ ip })),
    ...(podIPs.length > 0 ? { podIP: podIPs[0], podIPs: podIPs.map((ip) => ({ ip })) } : {}),
    startTime: previous?.startTime ?? formatTime(facts.startTime),
    qosClass: qosClass(pod),
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    containerStatuses: main,
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
  };
}

/** The end of a Pod is said when nothing of it runs any more, and said once. */
function phaseOf(facts: PodFacts, init: readonly ContainerStatus[], main: readonly ContainerStatus[]): Phase {
  const { pod, previous, view } = facts;
  if (isTerminal(previous?.phase)) return previous.phase;
  const phase = facts.failure ? "Failed" : podPhase(pod, init, main, facts.last);
  const runs = view.containers.some(({ state }) => state === "running");
  return isTerminal(phase) && runs ? ((previous?.phase as Phase | undefined) ?? "Pending") : phase;
}

type StatusList = "initContainerStatuses" | "containerStatuses" | "ephemeralContainerStatuses";

function statusesOf(facts: PodFacts, containers: readonly Container[], list: StatusList): ContainerStatus[] {
  const before = facts.previous?.[list];
  return containers.map((container) => {
    const attempts = attemptsOf(facts.view, container.name);
    const [latest] = attempts;
    const running = latest?.state === "running";
    const started = running && facts.isStarted(latest.id);
    const pending = running && facts.isInPostStart(latest.id);
    const oneShot = list === "initContainerStatuses" && container.restartPolicy !== "Always";
    const observer = list === "ephemeralContainerStatuses";
    const succeeded = latest?.state === "exited" && latest.exitCode === 0;
    return containerStatus({
      container,
      initialReason: initialReason(facts.pod, list),
      pending,
      attempts,
      waiting: facts.waiting.get(container.name),
      sized: !running || isSized(latest, container, facts.pod),
      ready: oneShot ? succeeded : !observer && started && facts.isReady(latest.id),
      started: !observer && started,
      messages: facts.messages,
      imageDigest: facts.imageDigest,
      previous: before?.find(({ name }) => name === container.name),
    });
  });
}

function initialReason({ spec }: Pod, list: StatusList): string {
  return spec.initContainers?.length && list !== "ephemeralContainerStatuses" ? "PodInitializing" : "ContainerCreating";
}
