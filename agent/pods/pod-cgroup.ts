import { existsSync } from "node:fs";
import { readdir, readFile, rmdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sliceFolder } from "../host/cgroup-layout.js";
import { runProgram } from "../volumes/run-program.js";
import type { QosClass } from "./qos.js";

/** "<root>/kubepods/burstable/pod<uid>"; guaranteed Pods are directly below kubepods. */
export function podCgroup(root: string, qos: QosClass, uid: string): string {
  const level = qos === "Guaranteed" ? [] : [qos.toLowerCase()];
  return join("/", root, "kubepods", ...level, `pod${uid}`);
}

const MOUNT = "/sys/fs/cgroup";

/**
 * Removes the Pod's cgroup, which the engine leaves behind, in every hierarchy (cgroup v1 has one a controller, v2 one in
 * all). Slices of systemd are {@link stopSlice}'s. A cgroup that still has processes stays; the caller comes again.
 */
export async function removePodCgroup(path: string, mount = MOUNT): Promise<void> {
  await Promise.all((await hierarchiesOf(mount)).map((hierarchy) => removeEmpty(join(hierarchy, path))));
}

const hierarchiesOf = async (mount: string) => [
  mount,
  ...(await directoriesIn(mount)).map((name) => join(mount, name)),
];

/** Killed processes are gone from a cgroup, and it can be removed, within this time, ms. */
const KILL_PATIENCE = 2_000;

/**
 * Ends what still runs in the cgroup of a Pod that has no container any more, and removes it. An engine that was killed
 * while it started a container may not know of it afterwards, and leaves its first process behind.
 * @returns ids of the processes that were killed
 * @throws Error when the cgroup stays
 */
export async function clearPodCgroup(path: string, mount = MOUNT): Promise<number[]> {
  const folders = (await hierarchiesOf(mount)).map((hierarchy) => join(hierarchy, path));
  const killed = new Set<number>();
  for (const deadline = performance.now() + KILL_PATIENCE; ; await sleep(20)) {
    await removePodCgroup(path, mount);
    // The last process may have ended after the attempt to remove: only what is gone is done.
    const left = folders.filter((folder) => existsSync(folder));
    if (left.length === 0) return [...killed];
    const pids = [...new Set((await Promise.all(left.map(processesBelow))).flat())];
    if (performance.now() > deadline) throw new Error(`cgroup ${path} stays; in it: ${pids.join(", ") || "nothing"}`);
    for (const pid of pids) if (kill(pid)) killed.add(pid);
  }
}

/** @returns whether it was still there */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

async function processesBelow(directory: string): Promise<number[]> {
  const text = await readFile(join(directory, "cgroup.procs"), "utf8").catch((error: NodeJS.ErrnoException) => {
    // ENODEV: it went while it was read.
    if (error.code === "ENOENT" || error.code === "ENODEV") return "";
    throw error;
  });
  const below = (await directoriesIn(directory)).map((name) => processesBelow(join(directory, name)));
  // 0 is a process that this agent cannot see.
  const own = text
    .split("\n")
    .map(Number)
    .filter((pid) => pid > 0);
  return [...own, ...(await Promise.all(below)).flat()];
}

/**
 * Stops the slice that systemd holds for a cgroup, and those below it. An engine with the systemd driver has it made on
 * the way to a container's scope, and nobody stops it: it would stay, empty, until the host boots again.
 * Nothing happens on a host without such a slice.
 */
export async function stopSlice(path: string, run = runProgram, mount = MOUNT): Promise<void> {
  const slice = sliceFolder(path);
  // Version 2 has one hierarchy; in version 1 systemd keeps its own beside the controllers'.
  if (![mount, join(mount, "systemd")].some((hierarchy) => existsSync(join(hierarchy, slice)))) return;
  await run("systemctl", ["stop", basename(slice)]);
}

async function removeEmpty(directory: string): Promise<void> {
  switch (await tryRemove(directory)) {
    case "EBUSY":
    case "ENOTEMPTY":
      // Containers that ended uncleanly may have left theirs.
      for (const child of await directoriesIn(directory)) await removeEmpty(join(directory, child));
      await tryRemove(directory);
  }
}

/** @returns the code of an error that says why it stays; undefined when it is gone */
async function tryRemove(directory: string): Promise<string | undefined> {
  try {
    await rmdir(directory);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // With version 1, systemd mounts the folder of the hierarchies read-only: there is no cgroup at that level.
    if (code === "ENOENT" || code === "EROFS") return undefined;
    if (code === "EBUSY" || code === "ENOTEMPTY") return code;
    throw error;
  }
}

async function directoriesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}
