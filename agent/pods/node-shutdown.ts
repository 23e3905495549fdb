/** Ends the node's Pods before its host goes down. https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/ */
import type { Clock } from "#client/clock.js";
import { hasCriticalPriority } from "./critical.js";
import type { PodWorker } from "./pod-worker.js";

export interface ShutdownGrace {
  /** For all Pods together. */
  seconds: number;
  /** Of these, the last ones, for critical Pods, which are ended last. */
  criticalSeconds: number;
}

const MESSAGE = "Pod was terminated in response to imminent node shutdown.";
const LOOK_MS = 100;

/** Resolves when nothing runs and the API knows, or the time is over. */
export async function endPods(
  workers: readonly PodWorker[],
  { seconds, criticalSeconds }: ShutdownGrace,
  clock: Clock,
): Promise<void> {
  const isCritical = ({ pod }: PodWorker) => pod !== undefined && hasCriticalPriority(pod);
  const ordinary = workers.filter((worker) => !isCritical(worker));
  await endGroup(ordinary, Math.max(0, seconds - criticalSeconds), clock);
  await endGroup(workers.filter(isCritical), Math.min(seconds, criticalSeconds), clock);
}

async function endGroup(workers: readonly PodWorker[], graceSeconds: number, clock: Clock): Promise<void> {
  for (const worker of workers) worker.end({ reason: "Terminated", message: MESSAGE, graceSeconds, disruption: true });
  await untilOver(workers, graceSeconds * 1000, clock);
}

/** @param patience milliseconds */
export async function untilOver(workers: readonly PodWorker[], patience: number, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + patience;
  while (workers.some((worker) => !worker.isOver) && clock.monotonic() < deadline)
    await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
}
