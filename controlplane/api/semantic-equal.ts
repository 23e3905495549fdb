/**
 * JSON text in which equal meaning gives equal text: keys sorted, and null, undefined, {} and [] left out, since clients
 * and defaulting differ in which of these they write for "nothing".
 */
export function canonicalText(value: unknown): string {
  return canonical(value) ?? "null";
}

function canonical(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) {
    return value.length > 0 ? `[${value.map((item) => canonical(item) ?? "null").join(",")}]` : undefined;
  }
  const fields: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const text = canonical((value as Record<string, unknown>)[key]);
    if (text !== undefined) fields.push(`${JSON.stringify(key)}:${text}`);
  }
  return fields.length > 0 ? `{${fields.join(",")}}` : undefined;
}

/** Equal apart from how "nothing" is written, and from the order of keys. */
export function semanticEqual(a: unknown, b: unknown): boolean {
  return a === b || canonicalText(a) === canonicalText(b);
}
