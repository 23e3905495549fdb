/** Field selectors: `metadata.name=web,status.phase!=Running`. Values may escape `\\`, `,` and `=` with a backslash. */

export interface FieldRequirement {
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
}

/** A selector that cannot be read: 400 BadRequest with this message. */
export class FieldSelectorError extends Error {}

function unescapeValue(text: string): string | undefined {
  if (/(?<!\\)(?:\\\\)*[=]/.test(text) || /\\(?![\\,=])/.test(text.replace(/\\[\\,=]/g, ""))) return undefined;
  return text.replace(/\\([\\,=])/g, "$1");
}

/** @throws FieldSelectorError in the API server's words */
export function parseFieldSelector(text: string): FieldRequirement[] {
  const requirements: FieldRequirement[] = [];
  for (const term of text.match(/(?:\\.|[^,\\])+/g) ?? []) {
    const match = /^([^=!]*)(!=|==|=)(.*)$/s.exec(term);
    const value = match ? unescapeValue(match[3] as string) : undefined;
    if (!match || value === undefined)
      throw new FieldSelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    requirements.push({ field: match[1] as string, operator: match[2] === "!=" ? "!=" : "=", value });
  }
  return requirements;
}

/** `fieldValue` gives the object's value of a field; a field without one compares as the empty string. */
export function matchesFields(
  requirements: readonly FieldRequirement[],
  fieldValue: (field: string) => string | undefined,
): boolean {
  return requirements.every(
    ({ field, operator, value }) => ((fieldValue(field) ?? "") === value) === (operator === "="),
  );
}

/** The value a selector pins a field to, if it does: `metadata.name=web` makes a list a get. */
export function pinnedField(requirements: readonly FieldRequirement[], field: string): string | undefined {
  return requirements.find((r) => r.field === field && r.operator === "=")?.value;
}
