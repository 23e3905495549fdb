/** Tolerations, and the taints they tolerate. https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ */
import { type FieldError, invalid, notSupported, required } from "#api/field-error.js";
import type { Toleration } from "#api/generated/types.js";
import { validateLabelName } from "#api/validation/labels.js";
import { labelValue } from "#api/validation/names.js";

const effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

export function validateTaintEffect(field: string, effect: string | undefined): FieldError[] {
  if (!effect) return [required(field)];
  return effects.includes(effect) ? [] : [notSupported(field, effect, effects)];
}

function validateOperator(field: string, toleration: Toleration): FieldError[] {
  const value = toleration.value ?? "";
  switch (toleration.operator ?? "") {
    case "":
    case "Equal": {
      const problems = labelValue(value);
      return problems.length > 0 ? [invalid(field, value, problems.join(";"))] : [];
    }
    case "Exists":
      return value ? [invalid(field, toleration, "value must be empty when `operator` is 'Exists'")] : [];
    default:
      return [notSupported(field, toleration.operator, ["Equal", "Exists"])];
  }
}

export function validateTolerations(path: string, tolerations: readonly Toleration[] = []): FieldError[] {
  return tolerations.flatMap((toleration, i) => {
    const at = `${path}[${i}]`;
    const { key, operator, effect } = toleration;
    const errors = key ? validateLabelName(`${at}.key`, key) : [];
    if (!key && operator !== "Exists") {
      const text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      errors.push(invalid(`${at}.operator`, operator ?? "", text));
    }
    if (toleration.tolerationSeconds !== undefined && effect !== "NoExecute")
      errors.push(invalid(`${at}.effect`, effect ?? "", "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    errors.push(...validateOperator(`${at}.operator`, toleration));
    return effect ? [...errors, ...validateTaintEffect(`${at}.effect`, effect)] : errors;
  });
}
