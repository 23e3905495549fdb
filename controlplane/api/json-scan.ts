/**
 * What JSON.parse does not tell: which object keys stand twice, and what is wrong with broken JSON in the words of the
 * API server (Go's encoding/json). Only walked when there is something to report.
 */

export interface JsonScan {
  /** `spec.containers[0].name`, once for each repetition. */
  duplicates: string[];
  /** All keys in the order of the text, repetitions included. */
  keys: string[];
  /** `invalid character 'x' looking for beginning of value`, or undefined when the text is JSON. */
  error?: string;
}

const MAX_DEPTH = 3000;

class SyntaxProblem extends Error {}

class JsonScanner {
  private at = 0;
  private readonly path: (string | number)[] = [];
  readonly duplicates: string[] = [];
  readonly keys: string[] = [];

  constructor(private readonly text: string) {}

  document(): void {
    this.value(0);
    this.space();
    if (this.at < this.text.length) throw this.unexpected("after top-level value");
  }

  private unexpected(where: string): SyntaxProblem {
    if (this.at >= this.text.length) return new SyntaxProblem("unexpected end of JSON input");
    const char = String.fromCodePoint(this.text.codePointAt(this.at) as number);
    const shown = char === "'" ? "'\\''" : `'${JSON.stringify(char).slice(1, -1).replace('\\"', '"')}'`;
    return new SyntaxProblem(`invalid character ${shown} ${where}`);
  }

  private space(): void {
    while (/[ \t\r\n]/.test(this.text[this.at] ?? "")) this.at++;
  }

  private value(depth: number): void {
    this.space();
    const char = this.text[this.at];
    if (depth > MAX_DEPTH) throw new SyntaxProblem("exceeded max depth");
    if (char === "{") this.object(depth);
    else if (char === "[") this.array(depth);
    else if (char === '"') this.string();
    else if (char !== undefined && /[-0-9]/.test(char)) this.number();
    else if (char === "t") this.literal("true");
    else if (char === "f") this.literal("false");
    else if (char === "n") this.literal("null");
    else throw this.unexpected("looking for beginning of value");
  }

  private object(depth: number): void {
    const seen = new Set<string>();
    this.at++;
    this.space();
    if (this.text[this.at] === "}") {
      this.at++;
      return;
    }
    while (true) {
      this.space();
      if (this.text[this.at] !== '"') throw this.unexpected("looking for beginning of object key string");
      const key = this.string();
      this.path.push(key);
      const path = this.pathText();
      this.keys.push(path);
      if (seen.has(key)) this.duplicates.push(path);
      seen.add(key);
      this.space();
      if (this.text[this.at] !== ":") throw this.unexpected("after object key");
      this.at++;
      this.value(depth + 1);
      this.path.pop();
      this.space();
      const next = this.text[this.at];
      if (next !== "," && next !== "}") throw this.unexpected("after object key:value pair");
      this.at++;
      if (next === "}") return;
    }
  }

  private array(depth: number): void {
    this.at++;
    this.space();
    if (this.text[this.at] === "]") {
      this.at++;
      return;
    }
    for (let index = 0; ; index++) {
      this.path.push(index);
      this.value(depth + 1);
      this.path.pop();
      this.space();
      const next = this.text[this.at];
      if (next !== "," && next !== "]") throw this.unexpected("after array element");
      this.at++;
      if (next === "]") return;
    }
  }

  private string(): string {
    const start = this.at++;
    while (this.text[this.at] !== '"') {
      const char = this.text[this.at];
      if (char === undefined || char < " ") throw this.unexpected("in string literal");
      this.at++;
      if (char === "\\") this.escape();
    }
    this.at++;
    return JSON.parse(this.text.slice(start, this.at)) as string;
  }

  private escape(): void {
    const char = this.text[this.at] ?? "";
    if (!/^["\\/bfnrtu]$/.test(char)) throw this.unexpected("in string escape code");
    this.at++;
    for (let digits = 0; char === "u" && digits < 4; digits++) {
      if (!/^[0-9a-fA-F]$/.test(this.text[this.at] ?? "")) throw this.unexpected("in \\u hexadecimal character escape");
      this.at++;
    }
  }

  private number(): void {
    const match = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/.exec(this.text.slice(this.at, this.at + 400));
    if (!match) {
      this.at++;
      throw this.unexpected("in numeric literal");
    }
    this.at += match[0].length;
  }

  private literal(word: string): void {
    for (const [index, char] of [...word].entries()) {
      if (this.text[this.at] !== char) {
        throw this.unexpected(
          index === 0 ? "looking for beginning of value" : `in literal ${word} (expecting '${char}')`,
        );
      }
      this.at++;
    }
  }

  private pathText(): string {
    let text = "";
    for (const step of this.path) text += typeof step === "number" ? `[${step}]` : text ? `.${step}` : step;
    return text;
  }
}

export function scanJson(text: string): JsonScan {
  const scanner = new JsonScanner(text);
  const { duplicates, keys } = scanner;
  try {
    scanner.document();
  } catch (error) {
    if (!(error instanceof SyntaxProblem)) throw error;
    return { duplicates, keys, error: error.message };
  }
  return { duplicates, keys };
}

/** How many keys the objects of a (correct) JSON text have, repetitions included. One pass over its strings only. */
function countKeysInText(text: string): number {
  let count = 0;
  let at = text.indexOf('"');
  while (at !== -1) {
    let end = text.indexOf('"', at + 1);
    while (text.charCodeAt(end - 1) === 92 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
    let next = end + 1;
    let code = text.charCodeAt(next);
    while (code === 32 || code === 10 || code === 13 || code === 9) code = text.charCodeAt(++next);
    if (code === 58) count++;
    at = text.indexOf('"', next);
  }
  return count;
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(quote - 1 - backslashes) === 92) backslashes++;
  return backslashes % 2 === 1;
}

function countKeys(value: unknown): number {
  let count = 0;
  const pending = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (Array.isArray(next)) {
      for (const item of next) if (typeof item === "object") pending.push(item);
    } else if (typeof next === "object" && next !== null) {
      for (const key in next) {
        count++;
        const inner = (next as Record<string, unknown>)[key];
        if (typeof inner === "object") pending.push(inner);
      }
    }
  }
  return count;
}

/** Paths of keys that stand more than once in their object. `parsed` is the text's own value, not changed since. */
export function duplicateKeys(text: string, parsed: unknown): string[] {
  return countKeysInText(text) === countKeys(parsed) ? [] : scanJson(text).duplicates;
}
