/** What the kinds of dynamic resource allocation have in common. https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/ */
import { duplicate, type FieldError, invalid, notSupported, required, tooLong, tooMany } from "#api/field-error.js";
import type { DeviceSelector, DeviceToleration, OpaqueDeviceConfiguration } from "#api/generated/types.js";
import { validateLabelName } from "#api/validation/labels.js";
import { dns1123Label, dns1123Subdomain, invalidEach, labelValue } from "#api/validation/names.js";
import { driverName } from "../field-rules.js";

/** Elements of any of the lists of selectors, requests, constraints and configurations. */
export const MAX_LIST = 32;
const MAX_POOL = 253;
const MAX_DOMAIN = 63;
const MAX_ID = 32;
/** Bytes. */
const MAX_EXPRESSION = 10 * 1024;
const MAX_PARAMETERS = 10 * 1024;

/** Each element by its own rules; there are at most so many. */
export function validateEach<T>(
  path: string,
  list: readonly T[] = [],
  max: number,
  rule: (element: T, at: string) => FieldError[],
): FieldError[] {
  if (list.length > max) return [tooMany(path, list.length, max)];
  return list.flatMap((element, i) => rule(element, `${path}[${i}]`));
}

/** No two elements have the same key. */
export function unique<T>(path: string, list: readonly T[] = [], key: (element: T) => string): FieldError[] {
  const seen = new Set<string>();
  return list.flatMap((element, i) => {
    const found = key(element);
    if (seen.has(found)) return [duplicate(`${path}[${i}]`, found)];
    seen.add(found);
    return [];
  });
}

export const requiredLabel = (field: string, value: string | undefined): FieldError[] =>
  value ? invalidEach(field, value, dns1123Label(value)) : [required(field)];

export const requiredSubdomain = (field: string, value: string | undefined): FieldError[] =>
  value ? invalidEach(field, value, dns1123Subdomain(value)) : [required(field)];

/** DNS subdomains with slashes between. */
export function validatePool(field: string, pool: string | undefined): FieldError[] {
  if (!pool) return [required(field)];
  if (pool.length > MAX_POOL) return [tooLong(field, MAX_POOL)];
  return pool.split("/").flatMap((part) => invalidEach(field, part, dns1123Subdomain(part)));
}

/** "id" or "domain/id"; the id is one of C. @param full the domain must be there */
export function validateQualifiedName(field: string, name: string, full = false): FieldError[] {
  if (!name) return [required(field)];
  const slash = name.indexOf("/");
  if (slash < 0 && full) return [invalid(field, name, "must include a domain")];
  const errors: FieldError[] = [];
  if (slash >= 0) {
    const domain = name.slice(0, slash);
    if (!domain) errors.push(required(field, "the domain must not be empty"));
    else if (domain.length > MAX_DOMAIN) errors.push(tooLong(field, MAX_DOMAIN));
    else errors.push(...invalidEach(field, domain, dns1123Subdomain(domain)));
  }
  const id = name.slice(slash + 1);
  if (!id) errors.push(required(field, "the name must not be empty"));
  else if (id.length > MAX_ID) errors.push(tooLong(field, MAX_ID));
  else if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(id))
    errors.push(
      invalid(
        field,
        id,
        "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
      ),
    );
  return errors;
}

/** Expressions are kept as they are: nothing here evaluates them before devices are allocated. */
export function validateSelectors(path: string, selectors: readonly DeviceSelector[] | undefined): FieldError[] {
  return validateEach(path, selectors, MAX_LIST, ({ cel }, at) => {
    if (!cel) return [required(`${at}.cel`)];
    if (!cel.expression) return [required(`${at}.cel.expression`)];
    return Buffer.byteLength(cel.expression) > MAX_EXPRESSION ? [tooLong(`${at}.cel.expression`, MAX_EXPRESSION)] : [];
  });
}

export function validateConfiguration(path: string, opaque: OpaqueDeviceConfiguration | undefined): FieldError[] {
  if (!opaque) return [required(`${path}.opaque`)];
  const at = `${path}.opaque.parameters`;
  return [
    ...driverName(`${path}.opaque.driver`, opaque.driver),
    ...validateRawObject(at, opaque.parameters, MAX_PARAMETERS),
  ];
}

/** A JSON object of somebody else's. @param max bytes */
export function validateRawObject(field: string, value: unknown, max: number): FieldError[] {
  if (value === undefined || value === null) return [required(field)];
  if (typeof value !== "object" || Array.isArray(value))
    return [invalid(field, "<value omitted>", "must be a valid JSON object")];
  return Buffer.byteLength(JSON.stringify(value)) > max ? [tooLong(field, max)] : [];
}

const EFFECTS = ["NoSchedule", "NoExecute"];

export function validateDeviceEffect(
  field: string,
  effect: string | undefined,
  all: readonly string[] = EFFECTS,
): FieldError[] {
  if (!effect) return [required(field)];
  return all.includes(effect) ? [] : [notSupported(field, effect, all)];
}

export function validateDeviceTolerations(path: string, tolerations: readonly DeviceToleration[] = []): FieldError[] {
  return validateEach(path, tolerations, MAX_LIST, ({ key, operator, value = "", effect }, at) => {
    const errors = key ? validateLabelName(`${at}.key`, key) : [];
    if (operator === "Exists") {
      if (value) errors.push(invalid(`${at}.value`, value, "must be empty for operator `Exists`"));
    } else if (operator === "Equal") {
      if (!key) errors.push(required(`${at}.key`));
      errors.push(...invalidEach(`${at}.value`, value, labelValue(value)));
    } else errors.push(notSupported(`${at}.operator`, operator ?? "", ["Equal", "Exists"]));
    return effect ? [...errors, ...validateDeviceEffect(`${at}.effect`, effect)] : errors;
  });
}
