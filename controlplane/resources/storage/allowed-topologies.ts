/** Where volumes of a class may be made: any of the terms holds. https://kubernetes.io/docs/concepts/storage/storage-classes/#allowed-topologies */
import { duplicate, type FieldError, required } from "#api/field-error.js";
import type { TopologySelectorLabelRequirement, TopologySelectorTerm } from "#api/generated/types.js";
import { validateLabelName } from "#api/validation/labels.js";

export function validateAllowedTopologies(terms: readonly TopologySelectorTerm[] = []): FieldError[] {
  const seen = new Set<string>();
  return terms.flatMap(({ matchLabelExpressions = [] }, i) => {
    const path = `allowedTopologies[${i}].matchLabelExpressions`;
    const errors = validateRequirements(path, matchLabelExpressions);
    const meaning = meaningOf(matchLabelExpressions);
    if (seen.has(meaning)) errors.push(duplicate(path, ""));
    seen.add(meaning);
    return errors;
  });
}

function validateRequirements(path: string, requirements: readonly TopologySelectorLabelRequirement[]): FieldError[] {
  return requirements.flatMap(({ key, values }, i) => {
    const at = `${path}[${i}]`;
    const errors = values.length === 0 ? [required(`${at}.values`)] : [];
    values.forEach((value, j) => {
      if (values.indexOf(value) < j) errors.push(duplicate(`${at}.values[${j}]`, value));
    });
    errors.push(...validateLabelName(`${at}.key`, key));
    if (requirements.findIndex((other) => other.key === key) < i) errors.push(duplicate(`${at}.key`, key));
    return errors;
  });
}

/** The same for terms that differ only in order. */
const meaningOf = (requirements: readonly TopologySelectorLabelRequirement[]) =>
  JSON.stringify(requirements.map(({ key, values }) => [key, ...[...values].sort()]).sort());
