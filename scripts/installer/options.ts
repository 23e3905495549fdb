/** The options a service is started with: one line of a file that systemd, a shell and its reader understand alike. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { optionsFile, type Part } from "./paths.js";

/** What neither a shell nor systemd would take for more than a letter. */
const PLAIN = /^[\w.,:/=@+-]+$/;

/** @throws Error naming an option that cannot be written down */
export function formatOptions(part: Part, options: readonly string[]): string {
  const odd = options.find((option) => !PLAIN.test(option));
  if (odd !== undefined) throw new Error(`"${odd}": use letters, digits and . , : / = @ + - _ in options`);
  return `# Options of \`berth ${part}\`. After a change, restart berth-${part}.\nOPTIONS="${options.join(" ")}"\n`;
}

export const parseOptions = (text: string) =>
  text
    .match(/^OPTIONS="(.*)"$/m)?.[1]
    ?.split(" ")
    .filter(Boolean) ?? [];

export function writeOptions(part: Part, options: readonly string[]): void {
  writeFileSync(optionsFile(part), formatOptions(part, options));
}

/** Undefined when the service is not installed. */
export function readOptions(part: Part): string[] | undefined {
  return existsSync(optionsFile(part)) ? parseOptions(readFileSync(optionsFile(part), "utf8")) : undefined;
}
