/** Brings a Pod that is to run one step nearer to running. */
import type { Pod } from "#api/generated/types.js";
import { formatDuration } from "../images/duration.js";
import type { Sandbox } from "../runtime/runtime.js";
import type { MountFailure } from "../volumes/volume-manager.js";
import { containerSpec, startContainer } from "./container-starter.js";
import { isSidecar, leftovers, type PlannedStart, type PodPlan, plan } from "./plan.js";
import { podLabel } from "./pod-environment.js";
import { attachSandbox, createSandbox, writePodFiles } from "./pod-sandbox.js";
import { tearDownPod } from "./pod-teardown.js";
import { currentSandbox, hasEnded } from "./pod-view.js";
import type { PodWork } from "./pod-work.js";
import { enforceSizeLimits } from "./volume-limits.js";

const DEFAULT_GRACE_SECONDS = 30;
const DEADLINE_MESSAGE = "Pod was active on the node longer than the specified deadline";

/** @returns false when something failed that is to be tried again with back-off */
export async function runPod(work: PodWork, apiPod: Pod): Promise<boolean> {
  const { env } = work;
  const pod = { ...apiPod, status: env.statuses.statusOf(apiPod) };
  enforceDeadline(work, pod);
  await enforceSizeLimits(work, pod);
  work.followProbes(pod);
  const planned = makePlan(work, pod);
  for (const name of work.waiting.keys()) {
    if (!planned.held.has(name) && !planned.start.some(({ container }) => container.name === name))
      work.waiting.delete(name);
  }
  for (const name of planned.behindInit) work.waiting.set(name, { reason: "PodInitializing" });
  killPlanned(work, pod, planned);
  if (planned.finished) return finishPod(work, pod, planned);
  // The first report: the node has taken the Pod on.
  if (!pod.status?.startTime) work.report(pod);
  holdBack(work, pod, planned);
  const ok = await carryOut(work, pod, planned);
  tidy(work);
  work.followProbes(pod);
  work.report(pod);
  return ok;
}

function makePlan(work: PodWork, pod: Pod): PodPlan {
  const { env, view, hooks } = work;
  return plan({
    pod,
    view,
    now: env.clock.now(),
    backoff: env.restartBackoff,
    condemned: new Map([...env.probes.condemned(pod.metadata.uid), ...hooks.condemned]),
    isStarted: (id) => work.isStarted(id),
  });
}

/** https://kubernetes.io/docs/concepts/workloads/controllers/job/#job-termination-and-cleanup, activeDeadlineSeconds */
function enforceDeadline(work: PodWork, pod: Pod): void {
  const { activeDeadlineSeconds } = pod.spec;
  const { startTime, phase } = pod.status ?? {};
  if (activeDeadlineSeconds === undefined || !startTime || phase === "Succeeded" || phase === "Failed") return;
  const deadline = Date.parse(startTime) + activeDeadlineSeconds * 1000;
  if (work.env.clock.now() < deadline) {
    work.loop.wakeAt(deadline);
    return;
  }
  work.env.events.pod(pod, "Normal", "DeadlineExceeded", DEADLINE_MESSAGE);
  pod.status = { ...pod.status, phase: "Failed", reason: "DeadlineExceeded", message: DEADLINE_MESSAGE };
  work.env.statuses.set(pod, pod.status);
}

function killPlanned(work: PodWork, pod: Pod, { kill }: PodPlan): void {
  for (const { container, message } of kill) {
    const spec = containerSpec(pod, container.name);
    const graceSeconds = pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
    work.kills.kill({ container, pod, spec, graceSeconds, message, podIP: work.podIPs[0] ?? "" });
  }
}

/** Nothing will run again: addresses, sandbox and volumes go back; containers stay for their logs. */
async function finishPod(work: PodWork, pod: Pod, planned: PodPlan): Promise<boolean> {
  tidy(work);
  work.followProbes(pod);
  work.report(pod);
  if (planned.kill.length > 0 || work.released) return true;
  await tearDownPod(work.env, work.identity, work.view, false);
  work.released = true;
  work.network = undefined;
  return true;
}

/** Containers in their restart back-off say so, and the loop comes back when it is over. */
function holdBack({ env, loop, waiting, toldBackOff }: PodWork, pod: Pod, { held }: PodPlan): void {
  for (const [name, { delay, at }] of held) {
    const container = containerSpec(pod, name);
    const message = `back-off ${formatDuration(delay)} restarting failed container=${name} pod=${podLabel(pod)}`;
    waiting.set(name, { reason: "CrashLoopBackOff", message });
    loop.wakeAt(at);
    if (!container || toldBackOff.get(name) === at) continue;
    toldBackOff.set(name, at);
    const text = `Back-off restarting failed container ${name} in pod ${podLabel(pod)}`;
    env.events.container(pod, container, "Warning", "BackOff", text);
  }
}

async function carryOut(work: PodWork, pod: Pod, planned: PodPlan): Promise<boolean> {
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
  for (const start of planned.start) ok = (await startOne(work, pod, sandbox, start)) && ok;
  return ok;
}

/** Makes the volumes before the first start, and brings those that follow an object up to date now and then. */
async function setUpVolumes(work: PodWork, pod: Pod, starting: boolean): Promise<boolean> {
  const { env } = work;
  const now = env.clock.now();
  // Which follow is known once they were set up; an agent that has just started has to do that again.
  const follows = work.volumes
    ? [...work.volumes.values()].some((volume) => volume.follows)
    : (pod.spec.volumes?.length ?? 0) > 0;
  const due = follows && now - work.volumesAt >= env.resyncPeriod;
  if (follows) work.loop.wakeAt((due ? now : work.volumesAt) + env.resyncPeriod);
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
    await view.refresh(env.runtime);
    await work.readLastWords();
  }
  return !outcome.failed;
}

/** Removes what no one needs any more, beside the loop. */
function tidy({ env, view }: PodWork): void {
  const { containers, sandboxes } = leftovers(view);
  const removals = [
    ...containers.map((id) => ({ id, work: env.runtime.removeContainer(id) })),
    ...sandboxes.map((id) => ({ id, work: removeOldSandbox(env, id) })),
  ];
  for (const { id, work } of removals) {
    work.then(
      () => view.drop(id),
      (error) => env.logger.warn({ id, err: error }, "dead container not removed, will be tried again"),
    );
  }
}

async function removeOldSandbox(env: PodWork["env"], id: string): Promise<void> {
  await env.network.detach({ sandboxId: id });
  await env.runtime.removeSandbox(id);
}
