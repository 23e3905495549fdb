/**
 * Opens a path inside a directory that containers may change at the same time, so that no symbolic link leads out of it.
 * Node has no openat(2); a name below /proc/self/fd/N is looked up in the directory that is open as N, which is the same.
 */
import { constants } from "node:fs";
import { chmod, type FileHandle, mkdir, open, realpath } from "node:fs/promises";
import { join } from "node:path";
import { VolumeError } from "./plugin.js";

/** O_PATH of open(2): a handle that names a file without reading it. Node does not export it. */
const O_PATH = 0o10000000;
const NAME_ONLY = O_PATH | constants.O_NOFOLLOW;

/**
 * @param root the directory; its own path may have links in it
 * @param path relative; what of it does not exist is made as directories, with the mode of the root
 * @param options make: false, and undefined is returned for what does not exist
 * @returns a handle that names what is there; the caller closes it
 * @throws VolumeError when it leads out of the root, or is changed under our hands
 */
export async function openInside(root: string, path: string): Promise<FileHandle>;
export async function openInside(root: string, path: string, options: { make: false }): Promise<FileHandle | undefined>;
export async function openInside(root: string, path: string, options?: { make: false }) {
  const base = await realpath(root);
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  const { resolved, missing } = await resolveExisting(base, parts);
  if (options && missing.length > 0) return undefined;
  if (resolved !== base && !resolved.startsWith(join(base, "/")))
    throw new VolumeError(`"${path}" leads out of the volume`);
  // What the links led to was found by name; from here on nothing is followed, so a link put there now is an error.
  let handle = await open(base, NAME_ONLY | constants.O_DIRECTORY);
  const mode = (await handle.stat()).mode & 0o7777;
  try {
    for (const part of resolved.slice(base.length).split("/").filter(Boolean)) handle = await step(handle, part);
    for (const part of missing) handle = await makeStep(handle, part, mode);
    if ((await handle.stat()).isSymbolicLink()) throw new VolumeError(`"${path}" was replaced by a symbolic link`);
    return handle;
  } catch (error) {
    await handle.close();
    throw error instanceof VolumeError ? error : new VolumeError(`"${path}": ${(error as Error).message}`);
  }
}

/** The longest part of the path that exists, links resolved, and the names that remain. */
async function resolveExisting(base: string, parts: readonly string[]) {
  for (let length = parts.length; length > 0; length--) {
    try {
      return { resolved: await realpath(join(base, ...parts.slice(0, length))), missing: parts.slice(length) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return { resolved: base, missing: parts };
}

/** Closes the directory and opens a name in it. */
async function step(directory: FileHandle, name: string): Promise<FileHandle> {
  const next = await open(inside(directory, name), NAME_ONLY);
  await directory.close();
  return next;
}

async function makeStep(directory: FileHandle, name: string, mode: number): Promise<FileHandle> {
  await mkdir(inside(directory, name));
  const next = await step(directory, name);
  // The mode that mkdir takes is subject to the umask.
  await chmod(handlePath(next), mode);
  return next;
}

const inside = (directory: FileHandle, name: string) => join(handlePath(directory), name);

/** By which any process of this mount namespace finds what the handle names, for as long as it is open. */
export const handlePath = ({ fd }: FileHandle) => `/proc/${process.pid}/fd/${fd}`;
