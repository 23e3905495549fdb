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
import { VolumeError } from "./plugin.js";

export interface VolumeFile {
  data: Buffer;
  /** Permission bits. */
  mode: number;
}

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
  await mkdir(directory, { recursive: true });
  const current = await readlink(join(directory, DATA)).catch(() => undefined);
  if (current && (await isSame(join(directory, current), files, group))) return false;
  const fresh = await newDirectory(directory);
  for (const [path, file] of files) await writeOne(directory, fresh, path, file, group);
  await chmod(join(directory, fresh), 0o755);
  await symlink(fresh, join(directory, `${DATA}_tmp`));
  await rename(join(directory, `${DATA}_tmp`), join(directory, DATA));
  await linkVisibleNames(directory, files);
  await removeOld(directory, fresh);
  return true;
}

function checkPath(path: string): void {
  const parts = path.split("/");
  if (path === "" || path.startsWith("/") || parts.includes("..") || path.startsWith(".."))
    throw new VolumeError(`invalid path: must not be absolute, and must not contain '..': ${path}`);
}

async function isSame(
  directory: string,
  files: ReadonlyMap<string, VolumeFile>,
  group: number | undefined,
): Promise<boolean> {
  const present = await filesBelow(directory);
  if (present.length !== files.size) return false;
  for (const path of present) {
    const wanted = files.get(path);
    if (!wanted) return false;
    const { mode } = await lstat(join(directory, path));
    if ((mode & 0o7777) !== finalMode(wanted, group)) return false;
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

async function writeOne(directory: string, fresh: string, path: string, file: VolumeFile, group?: number) {
  const target = join(directory, fresh, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, file.data);
  if (group !== undefined) await chown(target, 0, group);
  // After chown, and not through writeFile: that one is subject to the umask.
  await chmod(target, finalMode(file, group));
}

function finalMode({ mode }: VolumeFile, group: number | undefined): number {
  return group === undefined ? mode : mode | 0o440;
}

/** The first part of each path is a link through `..data`; links to what is gone are removed. */
async function linkVisibleNames(directory: string, files: ReadonlyMap<string, VolumeFile>): Promise<void> {
  const wanted = new Set([...files.keys()].map((path) => path.split("/")[0] as string));
  const present = new Set((await readdir(directory)).filter((name) => !name.startsWith("..")));
  for (const name of wanted) if (!present.has(name)) await symlink(join(DATA, name), join(directory, name));
  for (const name of present) if (!wanted.has(name)) await rm(join(directory, name), { force: true });
}

async function removeOld(directory: string, keep: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.startsWith("..") && name !== DATA && name !== keep)
      await rm(join(directory, name), { recursive: true, force: true });
  }
}
