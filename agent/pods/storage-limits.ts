/**
 * Fails a Pod that has more on the node's disk than it may: in an emptyDir, in one container, or in all together. There,
 * unlike in memory, no file system refuses it. Looks now and then.
 * https://kubernetes.io/docs/concepts/storage/ephemeral-storage/#resource-emphemeralstorage-consumption
 */
import type { Container, Pod } from "#api/generated/types.js";
import { formatQuantity, quantityFromBytes, quantityValue } from "#api/quantity.js";
import { ephemeralBytes, type PodStorageUsage, storageUsages } from "../stats/pod-storage.js";
import { isTerminal } from "../status/phase.js";
import { podStorage } from "./pod-storage.js";
import type { PodWork } from "./pod-work.js";

const STORAGE = "ephemeral-storage";
/** What the kubelet gives such a Pod to end. */
const GRACE_SECONDS = 1;

export async function enforceStorageLimits(work: PodWork, pod: Pod): Promise<void> {
  const { env, loop, view, volumes } = work;
  if (!hasLimits(pod) || work.failure || isTerminal(pod.status?.phase) || view.isEmpty) return;
  const now = env.clock.monotonic();
  const rest = work.usageAt + env.storagePeriod - now;
  if (rest > 0) return loop.wakeAfter(rest);
  work.usageAt = now;
  loop.wakeAfter(env.storagePeriod);
  try {
    const usage = (await storageUsages(new Map([["", podStorage(pod, view, volumes)]]))).get("");
    const message = usage && excess(pod, usage);
    if (!message) return;
    env.events.pod(pod, "Warning", "Evicted", message);
    work.failure = { reason: "Evicted", message, graceSeconds: GRACE_SECONDS };
  } catch (error) {
    env.logger.warn({ pod: work.identity, err: error }, "cannot tell what a pod has on the disk, will be tried again");
  }
}

function hasLimits({ spec }: Pod): boolean {
  const limited = allContainers(spec).some((container) => limitOf(container) !== undefined);
  return limited || (spec.volumes ?? []).some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined);
}

/** Why the Pod has to go, in the kubelet's words; undefined: it is within its limits. */
export function excess(pod: Pod, usage: PodStorageUsage): string | undefined {
  const { spec } = pod;
  for (const { name, emptyDir } of spec.volumes ?? []) {
    const limit = quantityValue(emptyDir?.sizeLimit);
    if (limit > 0 && (usage.volumes.get(name) ?? 0) > limit)
      return `Usage of EmptyDir volume "${name}" exceeds the limit "${emptyDir?.sizeLimit}". `;
  }
  const limits = spec.containers.flatMap((container) => limitOf(container) ?? []);
  const total = limits.reduce((sum, limit) => sum + quantityValue(limit), 0);
  if (limits.length > 0 && ephemeralBytes(usage) > total) {
    const text = formatQuantity(quantityFromBytes(total));
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${text}. `;
  }
  for (const container of allContainers(spec)) {
    const limit = limitOf(container);
    const { writableLayer = 0, log = 0 } = usage.containers.get(container.name) ?? {};
    if (limit !== undefined && writableLayer + log > quantityValue(limit))
      return `Container ${container.name} exceeded its local ephemeral storage limit "${limit}". `;
  }
  return undefined;
}

const limitOf = ({ resources }: Container): string | undefined => resources?.limits?.[STORAGE];
const allContainers = ({ containers, initContainers = [] }: Pod["spec"]) => [...containers, ...initContainers];
