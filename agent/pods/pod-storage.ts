import type { Pod, Volume } from "#api/generated/types.js";
import type { PodStorage } from "../stats/pod-storage.js";
import type { PreparedVolumes } from "../volumes/volume-manager.js";
import { latestOf, type PodView } from "./pod-view.js";

/** Volumes whose content is on the node's disk; of other kinds, only those in memory are the Pod's own. */
const ON_DISK = ["configMap", "downwardAPI"] as const;
const IN_MEMORY = ["secret", "projected"] as const;

/** Where a Pod's parts are on the node's disk, as far as they are there now. */
export function podStorage(pod: Pod, view: PodView, volumes: PreparedVolumes | undefined): PodStorage {
  const names = new Set(view.containers.map(({ name }) => name));
  return {
    containers: [...names].flatMap((name) => {
      const latest = latestOf(view, name);
      return latest ? [{ name, writableLayer: latest.writableLayer, log: latest.logPath }] : [];
    }),
    volumes: (pod.spec.volumes ?? []).flatMap((volume) => {
      const path = volumes?.get(volume.name)?.path;
      const onDisk = isOnDisk(volume);
      return path && onDisk !== undefined ? [{ name: volume.name, path, onDisk }] : [];
    }),
  };
}

function isOnDisk(volume: Volume): boolean | undefined {
  if (volume.emptyDir) return volume.emptyDir.medium !== "Memory";
  if (ON_DISK.some((type) => volume[type])) return true;
  return IN_MEMORY.some((type) => volume[type]) ? false : undefined;
}
