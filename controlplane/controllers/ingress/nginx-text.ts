/**
 * Writes nginx' configuration language. Every argument goes through `argument`, so no text of a user, whatever is in it, is
 * more than one argument. https://nginx.org/en/docs/beginners_guide.html#conf_structure
 */

export type Lines = readonly string[];

/** `name arg arg;` */
export function directive(name: string, ...args: readonly (string | number)[]): string {
  return `${[name, ...args.map(argument)].join(" ")};`;
}

/** `name arg arg { ... }` */
export function block(name: string, args: readonly string[], ...lines: readonly (string | Lines)[]): Lines {
  return [`${[name, ...args.map(argument)].join(" ")} {`, ...lines.flat().map((line) => `  ${line}`), "}"];
}

/** One argument: bare when it is plain, else in quotes. @throws Error for control characters, which have no safe form */
export function argument(value: string | number): string {
  const text = String(value);
  if (/^[A-Za-z0-9$@~^:=_./*+-]+$/.test(text)) return text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) throw new Error("an argument of nginx must not hold control characters");
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
