import type { Node, NodeSelectorRequirement, NodeSelectorTerm, Pod } from "./generated/types.js";

type Values = Readonly<Record<string, string>>;

function matchesRequirement({ key, operator, values = [] }: NodeSelectorRequirement, actual: Values): boolean {
  const value = Object.hasOwn(actual, key) ? actual[key] : undefined;
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
    case "Lt": {
      if (value === undefined || !/^[-+]?\d+$/.test(value)) return false;
      const [left, right] = [BigInt(value), BigInt(values[0] ?? "0")];
      return operator === "Gt" ? left > right : left < right;
    }
    default:
      return false;
  }
}

/** All expressions of a term must hold; a term without any matches nothing. */
export function matchesTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const { name, labels = {} } = node.metadata;
  const fields = { "metadata.name": name };
  return (
    matchExpressions.every((requirement) => matchesRequirement(requirement, labels)) &&
    matchFields.every((requirement) => matchesRequirement(requirement, fields))
  );
}

/** Both `nodeSelector` and the required node affinity must hold; of the affinity's terms one is enough. */
export function matchesNodeSelection({ spec }: Pick<Pod, "spec">, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  if (!Object.entries(spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value)) return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}
