import type { Pod } from "#api/generated/types.js";
import type { ContainerState } from "../runtime/runtime.js";
import { isSidecar } from "./restart-policy.js";

/**
 * Which of the running containers are stopped now: all but the sidecars first, then the sidecars one by one, the one
 * started last first: each serves those after it to their end.
 * https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#sidecar-containers-and-pod-lifecycle
 */
export function nextToStop(pod: Pod | undefined, running: readonly ContainerState[]): ContainerState[] {
  const sidecars = (pod?.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name);
  const others = running.filter(({ name }) => !sidecars.includes(name));
  if (others.length > 0) return others;
  const last = sidecars.filter((name) => running.some((container) => container.name === name)).at(-1);
  return running.filter(({ name }) => name === last);
}
