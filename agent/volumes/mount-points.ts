import { readFile, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ifPresent } from "../host/if-present.js";

interface MountPoint {
  path: string;
  /** The peer group it shares mounts with. */
  group?: string;
}

/** Whether something is mounted exactly on this directory; false when it does not exist. */
export async function isMountPoint(directory: string): Promise<boolean> {
  const path = await ifPresent(realpath(directory));
  return path !== undefined && (await mountPoints()).includes(path);
}

/**
 * Whether a file system of its own is mounted on this directory; false when it does not exist. Two looks at the directory, where
 * the table of a node with a hundred Pods has a thousand lines; but a bind mount within one file system is not seen.
 */
export async function isFileSystemRoot(directory: string): Promise<boolean> {
  const here = await ifPresent(stat(directory));
  return here !== undefined && here.dev !== (await stat(dirname(directory))).dev;
}

/** Every mount point this process sees, in the order they were mounted. */
export const mountPoints = async () => (await mountTable()).map(({ path }) => path);

/**
 * Unmounts what is mounted on a directory and below it, whoever did: what is removed next must not be somebody else's. A bind of a
 * folder of the node is taken out of that folder's peer group first, or what is mounted inside would go there too.
 * @throws Error when something is in use
 */
export async function unmountTree(
  directory: string,
  run: (command: string, args: readonly string[]) => Promise<string>,
): Promise<void> {
  const root = await ifPresent(realpath(directory));
  if (root === undefined) return;
  const isInside = ({ path }: MountPoint) => path === root || path.startsWith(`${root}/`);
  const table = await mountTable();
  const groups = new Set(table.filter((mount) => !isInside(mount)).map(({ group }) => group));
  let inside = table.filter(isInside);
  for (const { path, group } of inside) if (group && groups.has(group)) await run("mount", ["--make-private", path]);
  // One that is unmounted may take others with it.
  for (; inside.length > 0; inside = (await mountTable()).filter(isInside))
    await run("umount", [inside.at(-1)?.path ?? root]);
}

/** proc(5), mountinfo: the fifth field is the path, blanks and backslashes in octal; the seventh and more say what it shares. */
async function mountTable(): Promise<MountPoint[]> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  return table
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => ({ path: unescapeOctal(line.split(" ")[4] ?? ""), group: / shared:(\d+) .*?- /.exec(line)?.[1] }));
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
