import { readFile, realpath } from "node:fs/promises";

/** Whether something is mounted exactly on this directory; false when it does not exist. */
export async function isMountPoint(directory: string): Promise<boolean> {
  const path = await realpath(directory).catch(() => undefined);
  return path !== undefined && (await mountPoints()).includes(path);
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
