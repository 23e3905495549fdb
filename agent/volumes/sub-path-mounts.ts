import { lstat, mkdir, readdir, realpath, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ifPresent } from "../host/if-present.js";
import { makeFolders } from "../host/make-folders.js";
import { isMountPoint, mountPoints } from "./mount-points.js";
import { handlePath, openInside } from "./open-inside.js";
import type { TearDownContext } from "./plugin.js";

export interface SubPathRequest {
  volumeName: string;
  volumePath: string;
  /** Relative, without "..". */
  subPath: string;
  container: string;
  /** Of the mount in the container's list. */
  index: number;
}

type Run = TearDownContext["run"];

/**
 * Makes a file or directory inside a volume a mount of its own, at a path where containers cannot change anything: between
 * our look at it and the engine's mount, nobody can put a link in its place. Replaces what an earlier start left.
 * @param podDirectory its folder `volume-subpaths` is where the kubelet has it
 * @returns the path for the engine to mount
 * @throws VolumeError when the subPath leads out of the volume
 */
export async function mountSubPath(podDirectory: string, request: SubPathRequest, run: Run): Promise<string> {
  const { volumeName, container, index } = request;
  const target = join(podDirectory, "volume-subpaths", volumeName, container, String(index));
  const handle = await openInside(request.volumePath, request.subPath);
  try {
    await clear(target, run);
    await makeFolders(dirname(target));
    if ((await handle.stat()).isDirectory()) await mkdir(target);
    else await writeFile(target, "");
    // Made canonical, the path would be looked up again by its names.
    await run("mount", ["--no-canonicalize", "--bind", handlePath(handle), target]);
    return target;
  } finally {
    await handle.close();
  }
}

/** Takes all of a Pod's away; succeeds when there are none. */
export async function unmountSubPaths(podDirectory: string, run: Run): Promise<void> {
  const root = await ifPresent(realpath(join(podDirectory, "volume-subpaths")));
  if (root === undefined) return;
  for (const path of await mountPoints()) if (path.startsWith(`${root}/`)) await run("umount", [path]);
  await removeEmpty(root);
}

async function clear(target: string, run: Run): Promise<void> {
  if (await isMountPoint(target)) await run("umount", [target]);
  await removeEmpty(target);
}

/** Only empty files and directories: what is still mounted there must lose nothing. */
async function removeEmpty(path: string): Promise<void> {
  const stats = await ifPresent(lstat(path));
  if (!stats) return;
  if (!stats.isDirectory()) return rm(path);
  for (const name of await readdir(path)) await removeEmpty(join(path, name));
  await rmdir(path);
}
