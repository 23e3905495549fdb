/**
 * Label selectors: the set-based text form of `labelSelector=` and the LabelSelector object.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
 */
import type { LabelSelector } from "./generated/types.js";
import { parseRequirements } from "./selector-parser.js";

export type Labels = Readonly<Record<string, string>> | undefined;

export type SelectorOperator = "in" | "notin" | "=" | "!=" | "exists" | "!" | "gt" | "lt";

/** One condition on one label. An object must satisfy all requirements of a selector. */
export interface Requirement {
  readonly key: string;
  readonly operator: SelectorOperator;
  /** Sorted; one for `=`, `!=`, `gt`, `lt`; none for `exists` and `!`. */
  readonly values: readonly string[];
}

/** Matches everything when empty. */
export type ParsedSelector = readonly Requirement[];

/** A selector that cannot be read: 400 BadRequest with this message. */
export class SelectorError extends Error {}

/** @throws SelectorError in the API server's words */
export function parseLabelSelector(text: string): ParsedSelector {
  return parseRequirements(text, (message) => new SelectorError(message));
}

function matchesRequirement({ key, operator, values }: Requirement, labels: Labels): boolean {
  const present = labels !== undefined && Object.hasOwn(labels, key);
  const value = present ? (labels[key] as string) : "";
  switch (operator) {
    case "=":
      return present && value === values[0];
    case "!=":
      return !present || value !== values[0];
    case "in":
      return present && values.includes(value);
    case "notin":
      return !present || !values.includes(value);
    case "exists":
      return present;
    case "!":
      return !present;
    default: {
      if (!present || !/^[-+]?\d+$/.test(value)) return false;
      const [label, limit] = [BigInt(value), BigInt(values[0] as string)];
      return operator === "gt" ? label > limit : label < limit;
    }
  }
}

/** True when `labels` satisfies every requirement. */
export function matchesLabels(selector: ParsedSelector, labels: Labels): boolean {
  for (const requirement of selector) if (!matchesRequirement(requirement, labels)) return false;
  return true;
}

const OPERATORS: Readonly<Record<string, SelectorOperator>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
};

const byKey = (a: Requirement, b: Requirement) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);

/** The requirements of a LabelSelector object. An empty object matches everything. @throws SelectorError */
export function requirementsOf(selector: LabelSelector): ParsedSelector {
  const requirements: Requirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: "=",
    values: [value],
  }));
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    const known = OPERATORS[operator];
    if (!known) throw new SelectorError(`"${operator}" is not a valid label selector operator`);
    requirements.push({ key, operator: known, values: [...values].sort() });
  }
  return requirements.sort(byKey);
}

/** True when the LabelSelector object selects these labels. No selector at all selects nothing. */
export function matchLabelSelector(selector: LabelSelector | undefined, labels: Labels): boolean {
  if (!selector) return false;
  const { matchLabels } = selector;
  for (const key in matchLabels) {
    if (labels === undefined || !Object.hasOwn(labels, key) || labels[key] !== matchLabels[key]) return false;
  }
  return !selector.matchExpressions?.length || matchesLabels(requirementsOf(selector), labels);
}

function formatRequirement({ key, operator, values }: Requirement): string {
  switch (operator) {
    case "exists":
      return key;
    case "!":
      return `!${key}`;
    case "in":
    case "notin":
      return `${key} ${operator} (${values.join(",")})`;
    case "gt":
      return `${key}>${values[0]}`;
    case "lt":
      return `${key}<${values[0]}`;
    default:
      return `${key}${operator}${values[0]}`;
  }
}

/** The text form, requirements in the order of their keys: `app=web,tier in (a,b)`. */
export function formatSelector(selector: ParsedSelector): string {
  return [...selector].sort(byKey).map(formatRequirement).join(",");
}

/** How tables print a selector: `<none>` when it is empty or absent. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  return (selector && formatSelector(requirementsOf(selector))) || "<none>";
}

/** A plain label map (a Service's selector) in text form: `app=web,tier=front`. */
export function formatLabels(labels: Labels): string {
  return formatSelector(Object.entries(labels ?? {}).map(([key, value]) => ({ key, operator: "=", values: [value] })));
}
