/**
 * What kubectl shows of a pod's life in READY, STATUS and RESTARTS.
 * https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/ explains phases and container states; the STATUS
 * column tells more than the phase: the reason of the first init container that is not through, or of the last
 * container that waits or has ended.
 */
import type { Container, ContainerStateTerminated, ContainerStatus, Pod } from "#api/generated/types.js";
import { humanAge } from "../duration-text.js";

export interface PodSummary {
  status: string;
  ready: string;
  restarts: string;
}

interface Tally {
  status: string;
  ready: number;
  restarts: number;
  /** RFC 3339; "" when nothing was restarted. */
  lastRestart: string;
}

export const isSidecar = (container: Container | undefined) => container?.restartPolicy === "Always";

const conditionIsTrue = (pod: Pod, type: string) =>
  pod.status?.conditions?.some((c) => c.type === type && c.status === "True") === true;

function addRestarts(tally: Tally, status: ContainerStatus): void {
  tally.restarts += status.restartCount ?? 0;
  const finished = status.lastState?.terminated?.finishedAt;
  if (finished && finished > tally.lastRestart) tally.lastRestart = finished;
}

function endReason(ended: ContainerStateTerminated): string {
  if (ended.reason) return ended.reason;
  return ended.signal ? `Signal:${ended.signal}` : `ExitCode:${ended.exitCode}`;
}

/** Undefined when the init container holds nothing up. */
function initReason(status: ContainerStatus, position: string): string | undefined {
  const { terminated, waiting } = status.state ?? {};
  if (terminated) return terminated.exitCode === 0 ? undefined : `Init:${endReason(terminated)}`;
  if (waiting?.reason && waiting.reason !== "PodInitializing") return `Init:${waiting.reason}`;
  return `Init:${position}`;
}

/** Walks the init containers up to the first that is not through. Says whether there is one. */
function tallyInit(pod: Pod, all: Tally, sidecars: Tally): boolean {
  const specs = pod.spec.initContainers ?? [];
  for (const [i, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const sidecar = isSidecar(specs.find((c) => c.name === status.name));
    addRestarts(all, status);
    if (sidecar) addRestarts(sidecars, status);
    if (sidecar && status.started && !(status.state?.terminated?.exitCode === 0)) {
      if (status.ready) all.ready++;
      continue;
    }
    const reason = initReason(status, `${i}/${specs.length}`);
    if (reason !== undefined) {
      all.status = reason;
      return true;
    }
  }
  return false;
}

function tallyContainers(pod: Pod, tally: Tally): void {
  let running = false;
  for (const status of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    addRestarts(tally, status);
    const { waiting, terminated, running: runs } = status.state ?? {};
    if (waiting?.reason) tally.status = waiting.reason;
    else if (terminated) tally.status = endReason(terminated);
    else if (status.ready && runs) {
      running = true;
      tally.ready++;
    }
  }
  if (tally.status === "Completed" && running) tally.status = conditionIsTrue(pod, "Ready") ? "Running" : "NotReady";
}

function initialStatus(pod: Pod): string {
  const gated = pod.status?.conditions?.some((c) => c.type === "PodScheduled" && c.reason === "SchedulingGated");
  return gated ? "SchedulingGated" : pod.status?.reason || pod.status?.phase || "";
}

function deletedStatus(pod: Pod, status: string): string {
  if (!pod.metadata.deletionTimestamp) return status;
  if (pod.status?.reason === "NodeLost") return "Unknown";
  const ended = pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
  return ended ? status : "Terminating";
}

/** @param now ms since the epoch */
export function summarizePod(pod: Pod, now: number): PodSummary {
  const tally: Tally = { status: initialStatus(pod), ready: 0, restarts: 0, lastRestart: "" };
  const sidecars: Tally = { ...tally };
  const initializing = tallyInit(pod, tally, sidecars);
  if (!initializing || conditionIsTrue(pod, "Initialized")) {
    tally.restarts = sidecars.restarts;
    tally.lastRestart = sidecars.lastRestart;
    tallyContainers(pod, tally);
  }
  const total = pod.spec.containers.length + (pod.spec.initContainers?.filter(isSidecar).length ?? 0);
  const ago = tally.restarts > 0 && tally.lastRestart ? ` (${humanAge(tally.lastRestart, now)} ago)` : "";
  return {
    status: deletedStatus(pod, tally.status),
    ready: `${tally.ready}/${total}`,
    restarts: `${tally.restarts}${ago}`,
  };
}
