import { chmod, lchown, lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

export interface GroupOwnership {
  group: number;
  /** The group may read only. */
  readOnly?: boolean;
  /** "OnRootMismatch": nothing is done when the top directory is as wanted already. */
  policy?: string;
}

const READ_WRITE = 0o660;
const READ = 0o440;
/** Directories: the group may enter, and what is made in them belongs to the group. */
const DIRECTORY = 0o2110;

/**
 * Gives a directory and everything in it to the Pod's fsGroup. Symbolic links are changed, never followed. The top comes
 * last: that it is right says that the rest is.
 * https://kubernetes.io/docs/tasks/configure-pod-container/security-context/#configure-volume-permission-and-ownership-change-policy-for-pods
 */
export async function giveToGroup(path: string, ownership: GroupOwnership): Promise<void> {
  const { group, readOnly, policy } = ownership;
  const stats = await lstat(path);
  const bits = (readOnly ? READ : READ_WRITE) | (stats.isDirectory() ? DIRECTORY : 0);
  const isRight = stats.gid === group && (stats.mode & bits) === bits;
  if (isRight && policy === "OnRootMismatch") return;
  if (stats.isDirectory())
    for (const name of await readdir(path)) await giveToGroup(join(path, name), { group, readOnly });
  if (isRight) return;
  await lchown(path, stats.uid, group);
  // After the owner: changing that clears setgid.
  if (!stats.isSymbolicLink()) await chmod(path, (stats.mode & 0o7777) | bits);
}
