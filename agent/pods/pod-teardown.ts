import { rm } from "node:fs/promises";
import type { PodIdentity } from "../runtime/runtime.js";
import { clearPodCgroup, podCgroup, removePodCgroup, stopSlice } from "./pod-cgroup.js";
import type { PodEnvironment } from "./pod-environment.js";
import type { RuntimeView } from "./runtime-view.js";

/**
 * Gives back what a Pod without running containers still holds on the node: addresses, sandboxes, volumes; with
 * `everything` also its containers (and their logs) and files. Safe to repeat; goes on past errors.
 * @throws AggregateError of what could not be removed
 */
export async function tearDownPod(
  env: PodEnvironment,
  pod: PodIdentity,
  view: RuntimeView,
  everything: boolean,
): Promise<void> {
  const failures: unknown[] = [];
  const attempt = (work: Promise<unknown>) => work.catch((error) => failures.push(error));
  await Promise.all([attempt(removeFromEngine(env, pod, view, everything)), attempt(env.volumes.tearDown(pod.uid))]);
  // While a container is known there it is the engine's to end.
  const mayKill = failures.length === 0;
  await Promise.all(
    (["Guaranteed", "Burstable", "BestEffort"] as const).map((qos) =>
      attempt(removeCgroup(env, podCgroup(env.cgroupRoot, qos, pod.uid), mayKill)),
    ),
  );
  if (failures.length > 0) {
    const reasons = failures.map((error) => (error as Error).message).join("; ");
    throw new AggregateError(failures, `pod ${pod.namespace}/${pod.name}: ${reasons}`);
  }
  if (!everything) return;
  // Before the folder, which tells an agent that was killed in between that there is something left to remove.
  await env.logLinks?.removePod(pod.uid);
  await rm(env.directories.of(pod.uid), { recursive: true, force: true });
}

async function removeCgroup({ logger }: PodEnvironment, path: string, mayKill: boolean): Promise<void> {
  if (mayKill) {
    const killed = await clearPodCgroup(path);
    if (killed.length > 0) logger.warn({ path, killed }, "processes the engine had forgotten were killed");
  } else await removePodCgroup(path);
  // What is left of a slice is empty and holds nothing: no reason to keep the Pod.
  await stopSlice(path).catch((error) => logger.warn({ path, err: error }, "the slice of a pod was not stopped"));
}

/** The network first: its plugins need the namespace that the sandbox holds. */
async function removeFromEngine(
  env: PodEnvironment,
  { namespace, name, uid }: PodIdentity,
  view: RuntimeView,
  everything: boolean,
): Promise<void> {
  const attached = view.sandboxes.filter(({ hostNetwork }) => !hostNetwork);
  await Promise.all(
    attached.map(({ id, pid }) =>
      env.network.detach({ sandboxId: id, namespace, name, uid, netns: pid ? `/proc/${pid}/ns/net` : "" }),
    ),
  );
  const containers = everything ? view.containers : [];
  await Promise.all([
    ...containers.map(({ id }) => env.runtime.removeContainer(id).then(() => view.drop(id))),
    ...view.sandboxes.map(({ id }) => env.runtime.removeSandbox(id).then(() => view.drop(id))),
  ]);
}
