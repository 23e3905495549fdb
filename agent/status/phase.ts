import type { ContainerStatus, Pod } from "#api/generated/types.js";

export type Phase = "Pending" | "Running" | "Succeeded" | "Failed";

/**
 * One word for where the Pod is in its life
 * (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase).
 * @param init statuses of init containers, @param main of the others, both in the order of the spec
 * @param last nothing will be started again, whatever the restart policy says
 */
export function podPhase(
  pod: Pod,
  init: readonly ContainerStatus[],
  main: readonly ContainerStatus[],
  last = false,
): Phase {
  const policy = last ? "Never" : (pod.spec.restartPolicy ?? "Always");
  const sidecars = new Set(
    (pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === "Always").map((c) => c.name),
  );
  const ordinary = init.filter(({ name }) => !sidecars.has(name));
  if (policy === "Never" && ordinary.some(hasFailed)) return "Failed";
  const allEnded = main.every((status) => status.state?.terminated);
  const initializing =
    ordinary.some((status) => status.state?.terminated?.exitCode !== 0) ||
    init.some((status) => sidecars.has(status.name) && !status.started);
  if (initializing && !(allEnded && main.length > 0)) return hasAnyRun(main) ? phaseOfMain(policy, main) : "Pending";
  return phaseOfMain(policy, main);
}

function hasFailed({ state, lastState }: ContainerStatus): boolean {
  const ended = state?.terminated ?? (state?.waiting && lastState?.terminated);
  return ended !== undefined && ended.exitCode !== 0;
}

function hasAnyRun(main: readonly ContainerStatus[]): boolean {
  return main.some(({ state, lastState }) => state?.running || state?.terminated || lastState?.terminated);
}

function phaseOfMain(policy: string, main: readonly ContainerStatus[]): Phase {
  const running = main.filter((status) => status.state?.running).length;
  const ended = main.filter((status) => status.state?.terminated);
  // Between two runs: it has run, so it does not make the Pod pending again.
  const between = main.filter((status) => status.state?.waiting && status.lastState?.terminated).length;
  if (running + ended.length + between < main.length) return "Pending";
  if (running > 0) return "Running";
  if (policy === "Always" || between > 0) return "Running";
  if (ended.every((status) => status.state?.terminated?.exitCode === 0)) return "Succeeded";
  return policy === "Never" ? "Failed" : "Running";
}
