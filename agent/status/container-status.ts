import type { Container, ContainerState, ContainerStateTerminated, ContainerStatus } from "#api/generated/types.js";
import { formatTime } from "#api/time.js";
import { endedAt, failedToStart, hasEnded } from "../pods/pod-view.js";
import type { ContainerState as EngineState } from "../runtime/runtime.js";

export interface Waiting {
  reason: string;
  message?: string;
}

export interface ContainerFacts {
  container: Container;
  /** The attempts the engine still has, newest first. */
  attempts: readonly EngineState[];
  /** Reason shown before anything is known: "ContainerCreating", or "PodInitializing" behind init containers. */
  initialReason: string;
  /** Why the container does not run, or not again, when the Pod worker knows. */
  waiting?: Waiting;
  /** Its resources in the spec are in force. */
  sized: boolean;
  /** It runs, and its postStart hook has not ended: it is shown as waiting. */
  pending: boolean;
  ready: boolean;
  started: boolean;
  /** Last words by container id. */
  messages: ReadonlyMap<string, string>;
  /** Names of an image by its id: what the registry calls it. */
  imageDigest(imageId: string): string | undefined;
  /** What was last reported: keeps what the engine no longer has. */
  previous?: ContainerStatus;
}

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-states */
export function containerStatus(facts: ContainerFacts): ContainerStatus {
  const { container, attempts, previous } = facts;
  const [latest, before] = attempts;
  const state = stateOf(facts);
  const lastEnded = state.terminated ? before : latest && hasEnded(latest) ? latest : before;
  const lastState = lastEnded ? { terminated: terminated(lastEnded, facts) } : keptLastState(previous, latest, state);
  return {
    name: container.name,
    image: latest?.image || container.image || "",
    imageID: latest ? imageId(latest, facts) : (previous?.imageID ?? ""),
    containerID: latest ? `docker://${latest.id}` : previous?.containerID,
    ready: facts.ready,
    started: facts.started,
    restartCount: latest?.attempt ?? previous?.restartCount ?? 0,
    state,
    lastState,
    resources: facts.sized ? container.resources : previous?.resources,
    allocatedResources: container.resources?.requests,
    volumeMounts: container.volumeMounts?.map(({ name, mountPath, readOnly }) => ({
      name,
      mountPath,
      ...(readOnly ? { readOnly, recursiveReadOnly: "Disabled" } : {}),
    })),
  };
}

function stateOf({ attempts, waiting, messages, previous, initialReason, pending }: ContainerFacts): ContainerState {
  const [latest] = attempts;
  if (pending) return { waiting: { reason: initialReason } };
  if (latest?.state === "running") return { running: { startedAt: formatTime(latest.startedAt) } };
  if (waiting) return { waiting };
  if (latest && hasEnded(latest)) return { terminated: terminated(latest, { messages }) };
  // The engine lost a container that had ended (someone removed it): its end is still true.
  if (!latest && previous?.state?.terminated) return { terminated: previous.state.terminated };
  return { waiting: { reason: initialReason } };
}

function keptLastState(
  previous: ContainerStatus | undefined,
  latest: EngineState | undefined,
  state: ContainerState,
): ContainerState {
  if (!previous) return {};
  if (latest && previous.containerID === `docker://${latest.id}`) return previous.lastState ?? {};
  if (previous.state?.terminated && !state.terminated) return { terminated: previous.state.terminated };
  return previous.lastState ?? {};
}

function terminated(ended: EngineState, { messages }: Pick<ContainerFacts, "messages">): ContainerStateTerminated {
  const message = messages.get(ended.id);
  return {
    containerID: `docker://${ended.id}`,
    exitCode: ended.exitCode,
    reason: terminatedReason(ended),
    ...(message ? { message } : {}),
    startedAt: formatTime(ended.startedAt || ended.createdAt),
    finishedAt: formatTime(endedAt(ended)),
  };
}

function terminatedReason(ended: EngineState): string {
  if (failedToStart(ended)) return "ContainerCannotRun";
  if (ended.oomKilled) return "OOMKilled";
  return ended.exitCode === 0 ? "Completed" : "Error";
}

/** An agent that has started again does not know digests of containers it did not make: what was reported is still true. */
function imageId(latest: EngineState, { imageDigest, previous }: ContainerFacts): string {
  const digest = imageDigest(latest.imageId);
  if (digest) return `docker-pullable://${digest}`;
  const reported = previous?.containerID === `docker://${latest.id}` ? previous.imageID : "";
  return reported || `docker://${latest.imageId}`;
}
