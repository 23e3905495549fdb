import { readFile, realpath, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ifPresent } from "../host/if-present.js";

/** Whether something is mounted exactly on this directory; false when it does not exist. */
export async function isMountPoint(directory: string): Promise<boolean> {
  const path = await realpath(directory).catch(() => undefined);
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

/** Every mount point this process sees (proc(5), mountinfo: the fifth field, blanks and backslashes in octal). */
export async function mountPoints(): Promise<string[]> {
  const table = await readFile("/proc/self/mountinfo", "utf8");
  return table
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => unescapeOctal(line.split(" ")[4] ?? ""));
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
