/** Bounds of one kind of thing must not contradict one another. */
import { duplicate, type FieldError, forbidden, invalid, required } from "#api/field-error.js";
import type { LimitRange, LimitRangeItem } from "#api/generated/types.js";
import { compareQuantities, quantityMilli } from "#api/quantity.js";
import { invalidEach, qualifiedName } from "#api/validation/names.js";
import { validateQuantity } from "../pod/validate-resources.js";

const TYPES = new Set(["Pod", "Container", "PersistentVolumeClaim"]);
const BOUNDS = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] as const;

export function validateLimitRange({ spec }: LimitRange): FieldError[] {
  const seen = new Set<string>();
  return (spec?.limits ?? []).flatMap((item, i) => {
    const at = `spec.limits[${i}]`;
    const errors = validateType(`${at}.type`, item.type);
    if (seen.has(item.type)) errors.push(duplicate(`${at}.type`, item.type));
    seen.add(item.type);
    return [...errors, ...validateItem(at, item)];
  });
}

function validateType(field: string, type: string): FieldError[] {
  const errors = invalidEach(field, type, qualifiedName(type));
  if (errors.length === 0 && !type.includes("/") && !TYPES.has(type))
    errors.push(invalid(field, type, "must be a standard limit type or fully qualified"));
  return errors;
}

function validateItem(at: string, item: LimitRangeItem): FieldError[] {
  const errors: FieldError[] = [];
  if (item.type === "Pod")
    for (const name of ["default", "defaultRequest"] as const)
      if (Object.keys(item[name] ?? {}).length > 0)
        errors.push(forbidden(`${at}.${name}`, "may not be specified when `type` is 'Pod'"));
  if (item.type === "PersistentVolumeClaim" && !item.min?.["storage"] && !item.max?.["storage"])
    errors.push(
      required(`${at}.limits`, "either minimum or maximum storage value is required, but neither was provided"),
    );
  const names = new Set(BOUNDS.flatMap((bound) => Object.keys(item[bound] ?? {})));
  for (const bound of BOUNDS)
    for (const [name, quantity] of Object.entries(item[bound] ?? {}))
      errors.push(
        ...invalidEach(`${at}.${bound}[${name}]`, name, qualifiedName(name)),
        ...validateQuantity(`${at}.${bound}[${name}]`, name, quantity),
      );
  return [...errors, ...[...names].sort().flatMap((name) => validateOrder(at, name, item))];
}

/** Pairs that must not be the other way round, in the order in which they are told: `[field, low, high, words]`. */
function validateOrder(at: string, name: string, item: LimitRangeItem): FieldError[] {
  const { max, min, default: limit, defaultRequest: request } = item;
  const [most, least, given, asked] = [max?.[name], min?.[name], limit?.[name], request?.[name]];
  const pairs = [
    ["min", least, most, "min value", "max value"],
    ["defaultRequest", least, asked, "min value", "default request value"],
    ["defaultRequest", asked, most, "default request value", "max value"],
    ["defaultRequest", asked, given, "default request value", "default limit value"],
    ["default", least, given, "min value", "default value"],
    ["default", given, most, "default value", "max value"],
  ] as const;
  const errors = pairs.flatMap(([field, low, high, lowWords, highWords]) => {
    if (low === undefined || high === undefined || compareQuantities(low, high) <= 0) return [];
    const value = item[field]?.[name];
    return [invalid(`${at}.${field}[${name}]`, value, `${lowWords} ${low} is greater than ${highWords} ${high}`)];
  });
  return [
    ...errors,
    ...validateRatio(`${at}.maxLimitRequestRatio[${name}]`, item.maxLimitRequestRatio?.[name], least, most),
  ];
}

function validateRatio(field: string, ratio?: string, least?: string, most?: string): FieldError[] {
  if (ratio === undefined) return [];
  const errors: FieldError[] = [];
  if (compareQuantities(ratio, "1") < 0) errors.push(invalid(field, ratio, `ratio ${ratio} is less than 1`));
  if (least === undefined || most === undefined) return errors;
  const widest = quantityMilli(most) / quantityMilli(least);
  if (quantityMilli(ratio) / 1000 > widest)
    errors.push(invalid(field, ratio, `ratio ${ratio} is greater than max/min = ${widest.toFixed(6)}`));
  return errors;
}
