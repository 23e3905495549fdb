/** What each Pod uses of what the node has too little of. */
import type { Container, Pod } from "#api/generated/types.js";
import { podRequests } from "#api/pod-resources.js";
import { quantityValue } from "#api/quantity.js";
import { ephemeralBytes, type PodStorage, storageUsagesOf } from "../stats/pod-storage.js";
import { type StatsSource, takeReadings } from "../stats/readings.js";
import type { ContainerUse } from "./messages.js";
import type { Candidate } from "./rank.js";
import { type Signal, signals } from "./signals.js";

export interface UsageSource extends StatsSource {
  storageOf(pod: Pod): PodStorage | undefined;
}

/** A Pod that may go, with what its containers use, for the message. */
export interface Weighed extends Candidate {
  containers: readonly ContainerUse[];
}

/** @param pods those that may go */
export async function weigh(source: UsageSource, pods: readonly Pod[], signal: Signal): Promise<Weighed[]> {
  const { resource } = signals[signal];
  if (resource === "memory" || resource === "pids") return weighCompute(source, pods, resource);
  const all = await weighStorage(source, pods);
  // Inodes are not counted by Pod; who fills the disk has made most of the files, and nobody asked for any.
  return resource === "inodes" ? all.map((one) => ({ ...one, requested: 0, containers: [] })) : all;
}

async function weighCompute(
  source: UsageSource,
  pods: readonly Pod[],
  resource: "memory" | "pids",
): Promise<Weighed[]> {
  const { pods: readings } = await takeReadings({ ...source, pods: () => pods });
  return pods.map((pod) => {
    const reading = readings.find((one) => one.pod.metadata.uid === pod.metadata.uid);
    if (resource === "pids") return { pod, used: reading?.usage.pids, requested: 0, containers: [] };
    const containers = (reading?.containers ?? []).map(({ name, usage }) => ({
      name,
      used: usage.workingSet,
      requested: requestOf(pod, name, "memory"),
    }));
    return { pod, used: reading?.usage.workingSet, requested: podRequests(pod).get("memory") ?? 0, containers };
  });
}

async function weighStorage(source: UsageSource, pods: readonly Pod[]): Promise<Weighed[]> {
  const usages = await storageUsagesOf(pods, source.storageOf);
  return pods.map((pod) => {
    const usage = usages.get(pod.metadata.uid);
    const containers = [...(usage?.containers ?? [])].map(([name, { writableLayer, log }]) => ({
      name,
      used: writableLayer + log,
      requested: requestOf(pod, name, "ephemeral-storage"),
    }));
    const requested = podRequests(pod).get("ephemeral-storage") ?? 0;
    return { pod, used: usage && ephemeralBytes(usage), requested, containers };
  });
}

function requestOf({ spec }: Pod, name: string, resource: string): number {
  const all: readonly Container[] = [...spec.containers, ...(spec.initContainers ?? [])];
  return quantityValue(all.find((container) => container.name === name)?.resources?.requests?.[resource]);
}
