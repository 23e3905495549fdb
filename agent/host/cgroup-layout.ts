import { existsSync } from "node:fs";
import { join } from "node:path";

/**
 * Where this host keeps its cgroups. Version 1 has a hierarchy per controller below the mount, version 2 one for all;
 * a "hybrid" host is version 1 as far as resources go.
 */
export interface CgroupLayout {
  version: 1 | 2;
  /** "/sys/fs/cgroup". */
  mount: string;
}

const MOUNT = "/sys/fs/cgroup";

export function cgroupLayout(mount = MOUNT): CgroupLayout {
  return { version: existsSync(join(mount, "cgroup.controllers")) ? 2 : 1, mount };
}

/** The controllers Pods need and this host does not offer. */
export function missingControllers({ version, mount }: CgroupLayout, available: readonly string[]): string[] {
  const needed = ["cpu", "memory", "pids"];
  if (version === 2) return needed.filter((name) => !available.includes(name));
  return needed.filter((name) => !existsSync(join(mount, name)));
}

/** Folder of a cgroup in the hierarchy of `controller`. @param path "/kubepods/burstable/pod<uid>" */
export function cgroupFolder(layout: CgroupLayout, controller: string, path: string): string {
  return layout.version === 2 ? join(layout.mount, path) : join(layout.mount, controller, path);
}

/**
 * A cgroup's path as systemd lays it out: each level a slice whose name repeats its ancestors,
 * "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12_3.slice".
 */
export function sliceFolder(path: string): string {
  const parts = path
    .split("/")
    .filter(Boolean)
    .map((part) => part.replaceAll("-", "_"));
  return parts.map((_, depth) => `/${parts.slice(0, depth + 1).join("-")}.slice`).join("");
}
