import type { Pod, Volume } from "#api/generated/types.js";
import { quantityValue } from "#api/quantity.js";
import { directoryUsage } from "../volumes/directory-usage.js";
import type { PodWork } from "./pod-work.js";

/** Milliseconds between two looks at what a Pod's emptyDirs hold, as the kubelet's eviction manager has it. */
const PERIOD = 10_000;

/**
 * Fails a Pod that has put more into an emptyDir on disk than its sizeLimit: there, unlike in memory, no file system
 * refuses it. Looks now and then.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#emptydir-volumes
 */
export async function enforceSizeLimits(work: PodWork, pod: Pod): Promise<void> {
  const { env, loop, volumes } = work;
  const limited = (pod.spec.volumes ?? []).filter(isLimited);
  const { phase } = pod.status ?? {};
  if (limited.length === 0 || !volumes || work.failure || phase === "Succeeded" || phase === "Failed") return;
  const now = env.clock.monotonic();
  if (now - work.usageAt < PERIOD) {
    loop.wakeAfter(work.usageAt + PERIOD - now);
    return;
  }
  work.usageAt = now;
  loop.wakeAfter(PERIOD);
  for (const { name, emptyDir } of limited) {
    const limit = emptyDir?.sizeLimit ?? "";
    const path = volumes.get(name)?.path;
    if (!path || (await usageOf(path, work)) <= quantityValue(limit)) continue;
    const message = `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `;
    env.events.pod(pod, "Warning", "Evicted", message);
    work.failure = { reason: "Evicted", message };
    return;
  }
}

async function usageOf(path: string, { env, identity }: PodWork): Promise<number> {
  try {
    return await directoryUsage(path);
  } catch (error) {
    env.logger.warn({ pod: identity, err: error }, "cannot tell how much is in an emptyDir, will be tried again");
    return 0;
  }
}

function isLimited({ emptyDir }: Volume): boolean {
  return emptyDir?.sizeLimit !== undefined && emptyDir.medium !== "Memory" && quantityValue(emptyDir.sizeLimit) > 0;
}
