import type { Stats } from "node:fs";
import { open, stat } from "node:fs/promises";
import { makeFolders } from "../../host/make-folders.js";
import { VolumeError, type VolumePlugin } from "../plugin.js";

/** A file or directory of the node itself. It is never removed: it is not ours. */
export const hostPath: VolumePlugin = {
  name: "hostPath",
  directoryName: "kubernetes.io~host-path",

  async setUp(volume) {
    const { path = "", type = "" } = volume.hostPath ?? {};
    if (path.split("/").includes("..")) throw new VolumeError(`hostPath ${path}: must not contain '..'`);
    // Without a type nothing is checked; where nothing is, engines have always made a directory.
    if (type === "DirectoryOrCreate" || type === "") await createDirectory(path);
    if (type === "FileOrCreate") await createFile(path);
    await checkType(path, type);
    return { path };
  },

  async tearDown() {
    // Nothing was made.
  },
};

async function createDirectory(path: string): Promise<void> {
  if (!(await statOf(path))) await makeFolders(path, 0o755);
}

/** Creates an empty file; not the directories above it (as documented for FileOrCreate). */
async function createFile(path: string): Promise<void> {
  if (!(await statOf(path))) await (await open(path, "a", 0o644)).close();
}

const tests: Record<string, { is: (stats: Stats) => boolean; words: string }> = {
  Directory: { is: (s) => s.isDirectory(), words: "is not a directory" },
  DirectoryOrCreate: { is: (s) => s.isDirectory(), words: "is not a directory" },
  File: { is: (s) => s.isFile(), words: "is not a file" },
  FileOrCreate: { is: (s) => s.isFile(), words: "is not a file" },
  Socket: { is: (s) => s.isSocket(), words: "is not a socket file" },
  CharDevice: { is: (s) => s.isCharacterDevice(), words: "is not a character device" },
  BlockDevice: { is: (s) => s.isBlockDevice(), words: "is not a block device" },
};

async function checkType(path: string, type: string): Promise<void> {
  if (type === "") return;
  const test = tests[type];
  if (!test) throw new VolumeError(`${type} is an invalid volume type`);
  const stats = await statOf(path);
  if (!stats || !test.is(stats)) throw new VolumeError(`hostPath type check failed: ${path} ${test.words}`);
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
