/** The status of a Pod as this node sees it: a pure function of spec, engine and what the worker knows. */
import type { Container, ContainerStatus, Pod, PodStatus } from "#api/generated/types.js";
import { timestamp } from "#client/clock.js";
import { attemptsOf, type PodView } from "../pods/pod-view.js";
import { qosClass } from "../pods/qos.js";
import { podConditions } from "./conditions.js";
import { containerStatus, type Waiting } from "./container-status.js";
import { podPhase } from "./phase.js";

export interface PodFacts {
  pod: Pod;
  view: PodView;
  /** Why a container does not run, by name. */
  waiting: ReadonlyMap<string, Waiting>;
  /** Last words by container id. */
  messages: ReadonlyMap<string, string>;
  isReady(containerId: string): boolean;
  isStarted(containerId: string): boolean;
  imageDigest(imageId: string): string | undefined;
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
  const init = statusesOf(facts, pod.spec.initContainers ?? [], true);
  const main = statusesOf(facts, pod.spec.containers, false);
  const settled = previous?.phase === "Succeeded" || previous?.phase === "Failed";
  const phase = settled ? (previous.phase as "Succeeded" | "Failed") : podPhase(pod, init, main, facts.last);
  const { readyToStart, now } = facts;
  const conditions = podConditions({ pod, phase, init, main, readyToStart, now, previous: previous?.conditions ?? [] });
  const podIPs = facts.podIPs.length > 0 ? facts.podIPs : (previous?.podIPs ?? []).map(({ ip }) => ip);
  return {
    observedGeneration: pod.metadata.generation,
    phase,
    conditions,
    reason: previous?.reason,
    message: previous?.message,
    hostIP: facts.hostIPs[0],
    hostIPs: facts.hostIPs.map((ip) => ({ ip })),
    ...(podIPs.length > 0 ? { podIP: podIPs[0], podIPs: podIPs.map((ip) => ({ ip })) } : {}),
    startTime: previous?.startTime ?? timestamp(facts.startTime),
    qosClass: qosClass(pod),
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    containerStatuses: main,
  };
}

function statusesOf(facts: PodFacts, containers: readonly Container[], init: boolean): ContainerStatus[] {
  const { previous } = facts;
  const before = init ? previous?.initContainerStatuses : previous?.containerStatuses;
  return containers.map((container) => {
    const attempts = attemptsOf(facts.view, container.name);
    const [latest] = attempts;
    const running = latest?.state === "running";
    const started = running && facts.isStarted(latest.id);
    const oneShot = init && container.restartPolicy !== "Always";
    const succeeded = latest?.state === "exited" && latest.exitCode === 0;
    return containerStatus({
      container,
      initialReason: facts.pod.spec.initContainers?.length ? "PodInitializing" : "ContainerCreating",
      attempts,
      waiting: facts.waiting.get(container.name),
      ready: oneShot ? succeeded : started && facts.isReady(latest.id),
      started,
      messages: facts.messages,
      imageDigest: facts.imageDigest,
      previous: before?.find(({ name }) => name === container.name),
    });
  });
}
