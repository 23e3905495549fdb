/**
 * Files of variables that a container of the Pod has written: NAME='value', a part of what a POSIX shell reads, and read as a shell
 * would. https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-via-file/#env-file-syntax
 */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { handlePath, openInside } from "../volumes/open-inside.js";

/** Whoever writes the file is not trusted with the agent's memory. Bytes. */
const MAX_SIZE = 1024 * 1024;

/**
 * @param root where the volume is
 * @param path relative; links in it lead nowhere outside the volume
 * @returns undefined when there is no such file
 * @throws Error that says what is wrong with it, and tells no value
 */
export async function readEnvFile(root: string, path: string): Promise<Map<string, string> | undefined> {
  const name = await openInside(root, path, { make: false });
  if (!name) return undefined;
  try {
    const stats = await name.stat();
    if (!stats.isFile()) throw new Error("is no file");
    if (stats.size > MAX_SIZE) throw new Error(`is larger than ${MAX_SIZE} bytes`);
    const file = await open(handlePath(name), constants.O_RDONLY);
    try {
      const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(stats.size) });
      return parseEnvFile(buffer.toString("utf8", 0, bytesRead));
    } finally {
      await file.close();
    }
  } finally {
    await name.close();
  }
}

const SKIPPED = /[ \t\r]*(?:#[^\n]*)?(?:\n|$)/y;
/** What follows the "=" is a value in quotes, which may have several lines, or nothing up to a space. */
const VARIABLE = /[ \t]*([^\s=#'"][^\s='"]*)=(?:'([^']*)'(?=[\s]|$)|(?=[\s]|$)[^\n]*)/y;

/** A variable that is there twice has its last value. @throws Error that names the line */
export function parseEnvFile(text: string): Map<string, string> {
  const found = new Map<string, string>();
  let at = 0;
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match;
  };
  while (at < text.length) {
    if (take(SKIPPED)) continue;
    const begin = at;
    const variable = take(VARIABLE);
    if (!variable || !take(SKIPPED)) {
      const line = text.slice(0, begin).split("\n").length;
      throw new Error(`line ${line} is not of the form NAME='value'`);
    }
    found.set(variable[1] as string, variable[2] ?? "");
  }
  return found;
}
