/** Does what is planned for a Pod: sandbox, network, volumes, and one container after the other. */
import type { EphemeralContainer, Pod } from "#api/generated/types.js";
import type { Sandbox } from "../runtime/runtime.js";
import type { MountFailure } from "../volumes/volume-manager.js";
import { startContainer } from "./container-starter.js";
import type { PlannedStart, PodPlan } from "./plan.js";
import { limitPod } from "./pod-cgroup-limits.js";
import { attachSandbox, createSandbox, writePodFiles } from "./pod-sandbox.js";
import { currentSandbox, hasEnded, latestOf } from "./pod-view.js";
import type { PodWork } from "./pod-work.js";
import { isSidecar } from "./restart-policy.js";

/** @returns false when something failed that is to be tried again with back-off */
export async function carryOut(work: PodWork, pod: Pod, planned: PodPlan): Promise<boolean> {
  const { env, view } = work;
  for (const { id } of planned.stopSandboxes) {
    await env.runtime.stopSandbox(id);
    view.markStale("sandbox", id);
  }
  if (planned.newSandboxAttempt !== undefined && planned.kill.length > 0) return true;
  const starting = planned.start.length > 0;
  if (!(await setUpVolumes(work, pod, starting)) && starting) return false;
  if (planned.newSandboxAttempt !== undefined && !starting) return true;
  const sandbox = await readySandbox(work, pod, planned);
  if (!sandbox) return false;
  let ok = true;
  for (const start of planned.start) {
    ok = (await startOne(work, pod, sandbox, start)) && ok;
    if (!currentSandbox(view)?.running) return false;
    const started = latestOf(view, start.container.name);
    if (started && work.hooks.isPending(started.id)) break;
  }
  return ok;
}

/** Makes the volumes before the first start, and brings those that follow an object up to date now and then. */
async function setUpVolumes(work: PodWork, pod: Pod, starting: boolean): Promise<boolean> {
  const { env } = work;
  const now = env.clock.monotonic();
  // Which follow is known once they were set up; an agent that has just started has to do that again.
  const follows = work.volumes
    ? [...work.volumes.values()].some((volume) => volume.follows)
    : (pod.spec.volumes?.length ?? 0) > 0;
  const due = follows && now - work.volumesAt >= env.resyncPeriod;
  if (follows) work.loop.wakeAfter((due ? now : work.volumesAt) + env.resyncPeriod - now);
  if (!due && !(starting && !work.volumes)) return true;
  work.volumesAt = now;
  try {
    work.volumes = await env.volumes.setUp(pod, work.volumes);
    return true;
  } catch (error) {
    if (!(error instanceof AggregateError)) throw error;
    for (const { message, pending } of error.errors as MountFailure[])
      if (!pending) env.events.pod(pod, "Warning", "FailedMount", message);
    return false;
  }
}

/** The running sandbox, on the network; undefined when that failed, which was said. */
async function readySandbox(work: PodWork, pod: Pod, { newSandboxAttempt }: PodPlan): Promise<Sandbox | undefined> {
  const { env, view } = work;
  try {
    let sandbox = currentSandbox(view);
    if (newSandboxAttempt !== undefined) {
      if (newSandboxAttempt > 0)
        env.events.pod(pod, "Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.");
      if (sandbox) await env.network.detach({ sandboxId: sandbox.id });
      sandbox = await createSandbox(env, pod, newSandboxAttempt);
      view.putSandbox(sandbox);
      await limitPod(env, pod);
    }
    if (sandbox && work.network?.sandboxId !== sandbox.id) {
      const ips = await attach(work, pod, sandbox);
      await writePodFiles(env, pod, ips);
      work.network = { sandboxId: sandbox.id, ips };
    }
    return sandbox;
  } catch (error) {
    const message = `Failed to create pod sandbox: ${(error as Error).message}`;
    env.events.pod(pod, "Warning", "FailedCreatePodSandBox", message);
    env.logger.warn({ pod: work.identity, err: error }, "sandbox not ready");
    return undefined;
  }
}

async function attach(work: PodWork, pod: Pod, sandbox: Sandbox): Promise<readonly string[]> {
  try {
    return await attachSandbox(work.env, pod, sandbox);
  } catch (error) {
    const { name, namespace } = pod.metadata;
    const what = `networkPlugin cni failed to set up pod "${name}_${namespace}" network`;
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}

/** Starts one container as far as it gets. Returns false when it is to be tried again with back-off. */
async function startOne(work: PodWork, pod: Pod, sandbox: Sandbox, planned: PlannedStart): Promise<boolean> {
  const { env, view, loop, waiting, hooks, podIPs } = work;
  const { name } = planned.container;
  const outcome = await startContainer(env, {
    pod,
    planned,
    sandbox,
    podIPs,
    volumes: work.volumes ?? new Map(),
    target: targetOf(work, planned),
    wake: () => loop.wake(),
  });
  if ("started" in outcome) {
    waiting.delete(name);
    view.putContainer(outcome.started);
    hooks.postStart(pod, planned.container, outcome.started.id, podIPs[0] ?? "");
    // The next init container may go on; a container that has ended already has to be looked at.
    if ((planned.init && isSidecar(planned.container)) || hasEnded(outcome.started)) loop.wake();
    await work.readLastWords();
    return true;
  }
  if (outcome.waiting) waiting.set(name, outcome.waiting);
  else waiting.delete(name);
  if (outcome.retryAt !== undefined) loop.wakeAt(outcome.retryAt);
  if (outcome.created) {
    view.markStale("container", outcome.created);
    view.markStale("sandbox", sandbox.id);
    await view.refresh(env.runtime);
    await work.readLastWords();
  }
  return !outcome.failed;
}

/** The container whose processes an ephemeral one asked to see. */
function targetOf({ view }: PodWork, { container }: PlannedStart): string | undefined {
  const { targetContainerName } = container as EphemeralContainer;
  return targetContainerName ? latestOf(view, targetContainerName)?.id : undefined;
}
