/** Label maps and label selectors. https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ */
import type { FieldError } from "../field-error.js";
import { forbidden, invalid, required } from "../field-error.js";
import type { LabelSelector, LabelSelectorRequirement } from "../generated/types.js";
import { invalidEach, labelValue, qualifiedName } from "./names.js";

export function validateLabelName(field: string, name: string): FieldError[] {
  return invalidEach(field, name, qualifiedName(name));
}

export function validateLabels(field: string, labels: Readonly<Record<string, string>> | undefined): FieldError[] {
  const errors: FieldError[] = [];
  for (const key in labels) {
    const value = labels[key] as string;
    errors.push(...validateLabelName(field, key), ...invalidEach(field, value, labelValue(value)));
  }
  return errors;
}

function validateRequirement(field: string, requirement: LabelSelectorRequirement): FieldError[] {
  const errors: FieldError[] = [];
  const values = requirement.values?.length ?? 0;
  switch (requirement.operator) {
    case "In":
    case "NotIn":
      if (values === 0)
        errors.push(required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case "Exists":
    case "DoesNotExist":
      if (values > 0)
        errors.push(forbidden(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      break;
    default:
      errors.push(invalid(`${field}.operator`, requirement.operator, "not a valid selector operator"));
  }
  errors.push(...validateLabelName(`${field}.key`, requirement.key));
  (requirement.values ?? []).forEach((value, index) => {
    errors.push(...invalidEach(`${field}.values[${index}]`, value, labelValue(value)));
  });
  return errors;
}

export function validateLabelSelector(field: string, selector: LabelSelector | undefined): FieldError[] {
  if (!selector) return [];
  const errors = validateLabels(`${field}.matchLabels`, selector.matchLabels);
  selector.matchExpressions?.forEach((requirement, index) => {
    errors.push(...validateRequirement(`${field}.matchExpressions[${index}]`, requirement));
  });
  return errors;
}
