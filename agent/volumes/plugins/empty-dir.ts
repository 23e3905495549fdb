import { chmod, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Pod } from "#api/generated/types.js";
import { quantityValue } from "#api/quantity.js";
import { makeFolders } from "../../host/make-folders.js";
import { isFileSystemRoot } from "../mount-points.js";
import { giveToGroup } from "../ownership.js";
import { type VolumeContext, VolumeError, type VolumePlugin } from "../plugin.js";
import { mountTmpfs, removeDirectory } from "../tmpfs.js";

/** An empty directory that lives as long as the Pod: on the node's disk, or in memory (a tmpfs of its own). */
export const emptyDir: VolumePlugin = {
  name: "emptyDir",
  directoryName: "kubernetes.io~empty-dir",

  async setUp(volume, context) {
    const { medium = "", sizeLimit } = volume.emptyDir ?? {};
    if (medium === "Memory") await makeInMemory(context, sizeLimit);
    else if (medium === "") await makeOnDisk(context);
    else throw new VolumeError(`storage medium "${medium}" is not supported on this node`);
    return { path: context.directory };
  },

  tearDown: (_volumeName, context) => removeDirectory(context),
};

/** Any user of the Pod may write, whatever our umask is. */
const MODE = 0o777;

/** It is there at once with its mode and group, or not at all: what containers did to it later is left as it is. */
async function makeOnDisk({ directory, pod }: VolumeContext): Promise<void> {
  if (await exists(directory)) return;
  const draft = join(dirname(directory), `..${basename(directory)}`);
  await rm(draft, { recursive: true, force: true });
  await makeFolders(draft);
  await chmod(draft, MODE);
  const group = pod.spec.securityContext?.fsGroup;
  if (group !== undefined) await giveToGroup(draft, { group });
  await rename(draft, directory);
}

async function makeInMemory(context: VolumeContext, sizeLimit: string | undefined): Promise<void> {
  if (await isFileSystemRoot(context.directory)) return;
  const group = context.pod.spec.securityContext?.fsGroup;
  const owned = group === undefined ? [`mode=${octal(MODE)}`] : [`mode=${octal(MODE | 0o2000)}`, `gid=${group}`];
  await mountTmpfs(context, [...owned, `size=${memoryBound(context, sizeLimit)}`]);
}

/** What is written there counts as the Pod's memory: more than it may use could only kill it. */
function memoryBound({ pod, allocatableMemory }: VolumeContext, sizeLimit: string | undefined): number {
  const own = sizeLimit === undefined ? 0 : quantityValue(sizeLimit);
  const bounds = [own, memoryLimit(pod), allocatableMemory].filter((bytes) => bytes > 0);
  return Math.min(...bounds);
}

/** Bytes that all containers together may use; 0 when one has no limit. */
function memoryLimit({ spec }: Pod): number {
  const limits = spec.containers.map(({ resources }) => quantityValue(resources?.limits?.["memory"]));
  return limits.some((bytes) => bytes === 0) ? 0 : limits.reduce((sum, bytes) => sum + bytes, 0);
}

const octal = (mode: number) => mode.toString(8).padStart(4, "0");

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
