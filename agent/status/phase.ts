import type { Container, ContainerStatus, Pod } from "#api/generated/types.js";
import { isSidecar, shouldRestart } from "../pods/restart-policy.js";

export type Phase = "Pending" | "Running" | "Succeeded" | "Failed";

export function isTerminal(phase: string | undefined): phase is "Succeeded" | "Failed" {
  return phase === "Succeeded" || phase === "Failed";
}

/**
 * One word for where the Pod is in its life
 * (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase).
 * @param init statuses of init containers, @param main of the others, both in the order of the spec
 * @param last nothing will be started again, whatever the restart policies say
 */
export function podPhase(
  pod: Pod,
  init: readonly ContainerStatus[],
  main: readonly ContainerStatus[],
  last = false,
): Phase {
  const specs = new Map((pod.spec.initContainers ?? []).map((container) => [container.name, container]));
  const restarts = (container: Container | undefined, code: number) =>
    !last && container !== undefined && shouldRestart(pod, container, code, true);
  const sidecar = ({ name }: ContainerStatus) => isSidecar(specs.get(name) ?? { name });
  const ordinary = init.filter((status) => !sidecar(status));
  const hasFailed = (status: ContainerStatus) => {
    const code = exitCode(status);
    return code !== undefined && code !== 0 && !restarts(specs.get(status.name), code);
  };
  if (ordinary.some(hasFailed)) return "Failed";
  const allEnded = main.every((status) => status.state?.terminated);
  const initializing =
    ordinary.some((status) => status.state?.terminated?.exitCode !== 0) ||
    init.some((status) => sidecar(status) && !status.started);
  const phase = () => phaseOfMain(pod, main, last);
  if (initializing && !(allEnded && main.length > 0)) return hasAnyRun(main) ? phase() : "Pending";
  return phase();
}

/** Of the last run, also while the container waits for the next. */
function exitCode({ state, lastState }: ContainerStatus): number | undefined {
  return (state?.terminated ?? (state?.waiting && lastState?.terminated))?.exitCode;
}

function hasAnyRun(main: readonly ContainerStatus[]): boolean {
  return main.some(({ state, lastState }) => state?.running || state?.terminated || lastState?.terminated);
}

function phaseOfMain(pod: Pod, main: readonly ContainerStatus[], last: boolean): Phase {
  const running = main.filter((status) => status.state?.running).length;
  const codes = main.map(exitCode);
  // Between two runs: it has run, so it does not make the Pod pending again.
  const ended = codes.filter((code, i) => code !== undefined && !main[i]?.state?.running).length;
  if (running + ended < main.length) return "Pending";
  if (running > 0 || main.length === 0) return "Running";
  const again = main.some(({ name, state }, i) => {
    if (state?.waiting) return true;
    const container = pod.spec.containers.find((candidate) => candidate.name === name);
    return !last && container !== undefined && shouldRestart(pod, container, codes[i] ?? 0, false);
  });
  if (again) return "Running";
  return codes.every((code) => code === 0) ? "Succeeded" : "Failed";
}
