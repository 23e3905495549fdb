/** Brings a Pod that is to run one step nearer to running. */
import { rm } from "node:fs/promises";
import type { Pod } from "#api/generated/types.js";
import { formatDuration } from "../host/duration.js";
import type { ContainerState } from "../runtime/runtime.js";
import { isTerminal } from "../status/phase.js";
import { carryOut } from "./carry-out.js";
import { containerSpec } from "./container-starter.js";
import { type Condemned, leftovers, type PodPlan, plan } from "./plan.js";
import { refusalOf } from "./pod-admission.js";
import { podLabel } from "./pod-environment.js";
import { tearDownPod } from "./pod-teardown.js";
import type { PodWork } from "./pod-work.js";
import { enforceSizes, grantedPod } from "./resize.js";
import { enforceStorageLimits } from "./storage-limits.js";

const DEFAULT_GRACE_SECONDS = 30;
const DEADLINE_MESSAGE = "Pod was active on the node longer than the specified deadline";

/** @returns false when something failed that is to be tried again with back-off */
export async function runPod(work: PodWork, apiPod: Pod): Promise<boolean> {
  const { env } = work;
  if (!judge(work, { ...apiPod, status: env.statuses.statusOf(apiPod) })) return true;
  const pod = grantedPod(work, { ...apiPod, status: env.statuses.statusOf(apiPod) });
  enforceDeadline(work, pod);
  await enforceStorageLimits(work, pod);
  work.followProbes(pod);
  const planned = makePlan(work, pod, await enforceSizes(work, pod));
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
  await work.linkLogs();
  work.followProbes(pod);
  work.report(pod);
  return ok;
}

/**
 * A Pod that is new here is taken on or refused, once. One with something here, or a status of ours, was taken on before.
 * @returns false when that cannot be said yet
 */
function judge(work: PodWork, pod: Pod): boolean {
  if (work.judged) return true;
  const { allocations, events } = work.env;
  const isNew = !pod.status?.startTime && work.view.isEmpty;
  const isOver = isTerminal(pod.status?.phase);
  if (!isOver && !isNew) allocations.hold(pod);
  if (!isOver && isNew) {
    const refusal = refusalOf(work.env, pod);
    if (refusal === "waits") {
      allocations.onRoom(pod.metadata.uid, () => work.loop.wake());
      return false;
    }
    work.failure = refusal;
    if (refusal) events.pod(pod, "Warning", refusal.reason, refusal.message);
  }
  work.judged = true;
  return true;
}

/** @param resized containers that have to be restarted for their new size */
function makePlan(work: PodWork, pod: Pod, resized: ReadonlyMap<string, Condemned>): PodPlan {
  const { env, view, hooks } = work;
  return plan({
    pod,
    view,
    now: env.clock.now(),
    backoff: env.restartBackoff,
    condemned: new Map([...resized, ...env.probes.condemned(pod.metadata.uid), ...hooks.condemned]),
    failed: work.failure !== undefined,
    isStarted: (id) => work.isStarted(id),
    isInPostStart: (id) => hooks.isPending(id),
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
  if (work.failure) return;
  work.env.events.pod(pod, "Normal", "DeadlineExceeded", DEADLINE_MESSAGE);
  work.failure = { reason: "DeadlineExceeded", message: DEADLINE_MESSAGE };
}

function killPlanned(work: PodWork, pod: Pod, { kill }: PodPlan): void {
  const grace = pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
  const most = work.failure?.graceSeconds ?? Number.POSITIVE_INFINITY;
  for (const { container, message, graceSeconds = grace } of kill) {
    const spec = containerSpec(pod, container.name);
    work.kills.kill({
      container,
      pod,
      spec,
      graceSeconds: Math.min(graceSeconds, most),
      message,
      podIP: work.podIPs[0] ?? "",
    });
  }
}

/** Nothing will run again: addresses, sandbox and volumes go back; containers stay for their logs. */
async function finishPod(work: PodWork, pod: Pod, planned: PodPlan): Promise<boolean> {
  tidy(work);
  work.followProbes(pod);
  if (planned.kill.length === 0) work.giveRoomBack();
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

/** Removes what no one needs any more, beside the loop. */
function tidy({ env, view }: PodWork): void {
  const { containers, sandboxes } = leftovers(view, env.keptDeadContainers);
  const removals = [
    ...containers.map((container) => ({ id: container.id, work: removeOldContainer(env, container) })),
    ...sandboxes.map((id) => ({ id, work: removeOldSandbox(env, id) })),
  ];
  for (const { id, work } of removals) {
    work.then(
      () => view.drop(id),
      (error) => env.logger.warn({ id, err: error }, "dead container not removed, will be tried again"),
    );
  }
}

/** With its last words, which nobody else removes while the Pod lives. */
async function removeOldContainer({ runtime, directories }: PodWork["env"], old: ContainerState): Promise<void> {
  await runtime.removeContainer(old.id);
  await rm(directories.terminationLog(old.pod.uid, old.name, old.attempt), { force: true });
}

async function removeOldSandbox(env: PodWork["env"], id: string): Promise<void> {
  await env.network.detach({ sandboxId: id });
  await env.runtime.removeSandbox(id);
}
