/**
 * Writes a set of files so that a reader sees all of the old ones or all of the new ones, never a mixture. The layout is
 * the kubelet's, which programs that watch their configuration know: the files are in a directory with a time in its
 * name, `..data` is a symbolic link to it that is replaced by one rename, and every visible name links through `..data`.
 */
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { makeFolders } from "../host/make-folders.js";
import type { VolumeFile } from "./content/content.js";
import { giveToGroup } from "./ownership.js";
import { VolumeError } from "./plugin.js";

const DATA = "..data";

/**
 * @param files path inside the volume → content
 * @param group the Pod's fsGroup: owns the files and may read them
 * @returns whether anything had to change
 */
export async function writeAtomically(
  directory: string,
  files: ReadonlyMap<string, VolumeFile>,
  group?: number,
): Promise<boolean> {
  for (const path of files.keys()) checkPath(path);
  await makeFolders(directory);
  const current = await readlink(join(directory, DATA)).catch(() => undefined);
  const present = current === undefined ? [] : await filesBelow(join(directory, current));
  if (current && (await isSame(join(directory, current), present, files, group))) return false;
  const fresh = await newDirectory(directory);
  for (const [path, file] of files) await writeOne(directory, fresh, path, file);
  await chmod(join(directory, fresh), 0o755);
  if (group !== undefined) await giveToGroup(join(directory, fresh), { group, readOnly: true });
  await symlink(fresh, join(directory, `${DATA}_tmp`));
  await rename(join(directory, `${DATA}_tmp`), join(directory, DATA));
  await linkVisibleNames(directory, present, [...files.keys()]);
  await removeOld(directory, fresh);
  if (group !== undefined) await giveToGroup(directory, { group, readOnly: true });
  return true;
}

function checkPath(path: string): void {
  const parts = path.split("/");
  if (path === "" || path.startsWith("/") || parts.includes("..") || path.startsWith(".."))
    throw new VolumeError(`invalid path: must not be absolute, and must not contain '..': ${path}`);
}

async function isSame(
  directory: string,
  present: readonly string[],
  files: ReadonlyMap<string, VolumeFile>,
  group = 0,
): Promise<boolean> {
  if (present.length !== files.size) return false;
  for (const path of present) {
    const wanted = files.get(path);
    if (!wanted) return false;
    const { mode, uid, gid } = await lstat(join(directory, path));
    if ((mode & 0o777) !== (group ? wanted.mode | 0o440 : wanted.mode)) return false;
    if (uid !== (wanted.owner ?? 0) || gid !== group) return false;
    if (!wanted.data.equals(await readFile(join(directory, path)))) return false;
  }
  return true;
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((e) => e.isFile()).map((e) => relative(directory, join(e.parentPath, e.name)));
}

async function newDirectory(directory: string): Promise<string> {
  // A kill may have left the link that was about to be renamed.
  await rm(join(directory, `${DATA}_tmp`), { force: true });
  const time = new Date().toISOString().slice(0, 19).replaceAll(/[-T:]/g, "_");
  const name = `..${time}.${process.hrtime.bigint() % 1_000_000_000n}`;
  await mkdir(join(directory, name));
  return name;
}

async function writeOne(directory: string, fresh: string, path: string, { data, mode, owner }: VolumeFile) {
  const target = join(directory, fresh, path);
  await makeFolders(dirname(target));
  await writeFile(target, data);
  if (owner !== undefined) await chown(target, owner, 0);
  // After chown, and not through writeFile: that one is subject to the umask.
  await chmod(target, mode);
}

/**
 * The first part of each path is a link through `..data`; links to what is gone are removed. Other names stay: a subPath
 * that does not exist is made as a directory.
 */
async function linkVisibleNames(directory: string, before: readonly string[], now: readonly string[]): Promise<void> {
  const first = (paths: readonly string[]) => new Set(paths.map((path) => path.split("/")[0] as string));
  const wanted = first(now);
  const there = new Set(await readdir(directory));
  for (const name of wanted) if (!there.has(name)) await symlink(join(DATA, name), join(directory, name));
  for (const name of first(before)) if (!wanted.has(name)) await rm(join(directory, name), { force: true });
}

async function removeOld(directory: string, keep: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.startsWith("..") && name !== DATA && name !== keep)
      await rm(join(directory, name), { recursive: true, force: true });
  }
}
