import { randomInt } from "node:crypto";

/** No vowels, no look-alikes: the letters upstream generates names from. */
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
const SUFFIX = 5;
const MAX = 63;

/** `prefix` and five random letters; a long prefix is cut so that the name stays a label. */
export function generateName(prefix: string): string {
  let name = prefix.slice(0, MAX - SUFFIX);
  for (let i = 0; i < SUFFIX; i++) name += ALPHABET[randomInt(ALPHABET.length)];
  return name;
}
