/** What a Pod's parts take on the node's disk, counted by walking its folders: the engine's own sum would take seconds. */
import type { Pod } from "#api/generated/types.js";
import { directoryUsages, type FileSystemUsage, fileSystemUsage, logUsage } from "./disk-usage.js";

/** Where the parts are. */
export interface PodStorage {
  /** The newest instance of each container that is there. */
  containers: readonly {
    name: string;
    /** What it has written over its image; absent where the engine does not say. */
    writableLayer?: string;
    log?: string;
  }[];
  volumes: readonly {
    name: string;
    path: string;
    /** It takes the node's disk; else it has a file system of its own (memory). */
    onDisk: boolean;
  }[];
}

export interface PodStorageUsage {
  /** Bytes. */
  containers: Map<string, { writableLayer: number; log: number }>;
  /** Bytes of those on the disk. */
  volumes: Map<string, number>;
  /** Those that are file systems of their own. */
  mounted: Map<string, FileSystemUsage>;
}

/** Of the Pods of which something is known here, by their uids. */
export function storageUsagesOf(
  pods: readonly Pod[],
  storageOf: (pod: Pod) => PodStorage | undefined,
): Promise<Map<string, PodStorageUsage>> {
  const places = pods.flatMap((pod) => {
    const storage = storageOf(pod);
    return storage ? [[pod.metadata.uid, storage] as const] : [];
  });
  return storageUsages(new Map(places));
}

/** By the keys of the map, which are the Pods' uids. */
export async function storageUsages(pods: ReadonlyMap<string, PodStorage>): Promise<Map<string, PodStorageUsage>> {
  const folders = [...pods.values()].flatMap(({ containers, volumes }) => [
    ...containers.flatMap(({ writableLayer }) => writableLayer ?? []),
    ...volumes.flatMap(({ path, onDisk }) => (onDisk ? [path] : [])),
  ]);
  const sums = await directoryUsages([...new Set(folders)]);
  const all = [...pods].map(async ([uid, storage]) => [uid, await usageOf(storage, sums)] as const);
  return new Map(await Promise.all(all));
}

async function usageOf(
  { containers, volumes }: PodStorage,
  sums: ReadonlyMap<string, number>,
): Promise<PodStorageUsage> {
  const used = containers.map(async ({ name, writableLayer = "", log }) => {
    const bytes = { writableLayer: sums.get(writableLayer) ?? 0, log: log ? await logUsage(log) : 0 };
    return [name, bytes] as const;
  });
  const mounted = volumes.filter(({ onDisk }) => !onDisk);
  const systems = mounted.map(async ({ name, path }) => [name, await fileSystemUsage(path)] as const);
  return {
    containers: new Map(await Promise.all(used)),
    volumes: new Map(volumes.flatMap(({ name, path, onDisk }) => (onDisk ? [[name, sums.get(path) ?? 0]] : []))),
    mounted: new Map(await Promise.all(systems)),
  };
}

/** Bytes that count as the Pod's ephemeral storage: layers, logs and volumes on the node's disk. */
export function ephemeralBytes({ containers, volumes }: PodStorageUsage): number {
  let sum = 0;
  for (const { writableLayer, log } of containers.values()) sum += writableLayer + log;
  for (const bytes of volumes.values()) sum += bytes;
  return sum;
}
