/**
 * CPU and memory of running containers. What the Pod asks for is granted when the node has room for all of it; until then
 * it goes on with what it had. https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/
 */
import { isDeepStrictEqual } from "node:util";
import type { Container, Pod } from "#api/generated/types.js";
import type { ContainerResources, ContainerState } from "../runtime/runtime.js";
import { containerResources } from "./container-resources.js";
import { asked, grantedBefore, resizable, withGranted } from "./granted.js";
import type { Condemned } from "./plan.js";
import type { PodWork } from "./pod-work.js";

export interface ResizeState {
  /** Why what is asked for is not granted. */
  pending?: { reason: "Deferred" | "Infeasible"; message: string };
  /** What is granted is not in force yet; `message` when the engine refused it. */
  inProgress?: { message?: string };
}

/** The Pod with the resources that it has been granted. */
export function grantedPod(work: PodWork, pod: Pod): Pod {
  const { resize, env } = work;
  work.granted ??= grantedBefore(pod);
  for (const container of resizable(pod))
    if (!work.granted.has(container.name)) work.granted.set(container.name, container.resources ?? {});
  if (resizable(pod).every(({ name, resources = {} }) => isDeepStrictEqual(work.granted?.get(name), resources))) {
    resize.pending = undefined;
    return pod;
  }
  const short = env.allocations.claim(pod);
  if (!short) {
    resize.pending = undefined;
    resize.inProgress = {};
    work.granted = asked(pod);
    return pod;
  }
  const { resource, requested, used, capacity } = short;
  const reason = requested > capacity ? "Infeasible" : "Deferred";
  const taken = reason === "Deferred" ? `, used: ${used}` : "";
  const what = reason === "Deferred" ? "resource" : "capacity";
  const message = `Node didn't have enough ${what}: ${resource}, requested: ${requested}${taken}, capacity: ${capacity}`;
  if (resize.pending?.reason !== reason)
    env.events.pod(pod, "Warning", `Resize${reason}`, `Pod resize ${reason}: ${message}`);
  resize.pending = { reason, message };
  env.allocations.onRoom(pod.metadata.uid, () => work.loop.wake());
  return withGranted(pod, work.granted);
}

/**
 * Puts into force what is granted and is not yet, where a container need not be restarted for it.
 * @returns running containers that have to be, by id
 */
export async function enforceSizes(work: PodWork, pod: Pod): Promise<Map<string, Condemned>> {
  const { env, view, resize } = work;
  const restart = new Map<string, Condemned>();
  const problems: string[] = [];
  for (const container of resizable(pod)) {
    const running = view.containers.find(({ name, state }) => name === container.name && state === "running");
    const changes = running ? changesOf(running, container, pod) : [];
    if (!running || changes.length === 0) continue;
    if (needsRestart(container, changes)) {
      restart.set(running.id, { message: `Container ${container.name} resize requires restart` });
      continue;
    }
    try {
      await env.runtime.updateContainer(running.id, containerResources(container, pod.spec.resources));
      const updated = await env.runtime.inspectContainer(running.id);
      if (updated) view.putContainer(updated);
    } catch (error) {
      problems.push(`container ${container.name}: ${(error as Error).message}`);
    }
  }
  const message = problems.join("; ");
  if (message && message !== resize.inProgress?.message) env.events.pod(pod, "Warning", "ResizeError", message);
  if (message) resize.inProgress = { message };
  else if (restart.size > 0) resize.inProgress = {};
  else if (resize.inProgress) {
    resize.inProgress = undefined;
    env.events.pod(pod, "Normal", "ResizeCompleted", "Pod resize completed");
  }
  return restart;
}

/** Is the container as the spec has it? */
export function isSized(running: ContainerState, container: Container, pod: Pod): boolean {
  return changesOf(running, container, pod).length === 0;
}

const CPU = ["cpuShares", "cpuQuota"] as const satisfies readonly (keyof ContainerResources)[];

function changesOf({ resources: has }: ContainerState, container: Container, { spec }: Pod): ("cpu" | "memory")[] {
  const wanted = containerResources(container, spec.resources);
  const changes: ("cpu" | "memory")[] = [];
  if (CPU.some((field) => (has[field] ?? 0) !== (wanted[field] ?? 0))) changes.push("cpu");
  if ((has.memoryLimit ?? 0) !== (wanted.memoryLimit ?? 0)) changes.push("memory");
  return changes;
}

function needsRestart({ resizePolicy = [] }: Container, changes: readonly string[]): boolean {
  return resizePolicy.some(
    ({ resourceName, restartPolicy }) => restartPolicy === "RestartContainer" && changes.includes(resourceName),
  );
}
