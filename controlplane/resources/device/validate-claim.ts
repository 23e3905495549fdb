/** What a claim asks for, in itself and in a template of claims. */
import { type FieldError, invalid, required } from "#api/field-error.js";
import type { DeviceClaim, DeviceRequest, DeviceSubRequest, ExactDeviceRequest } from "#api/generated/types.js";
import { oneOf } from "../field-rules.js";
import {
  MAX_LIST,
  requiredLabel,
  requiredSubdomain,
  unique,
  validateConfiguration,
  validateDeviceTolerations,
  validateEach,
  validateQualifiedName,
  validateSelectors,
} from "./validate-parts.js";

const MAX_ALTERNATIVES = 8;
const ONE = "exactly one of `exactly` or `firstAvailable` is required";

export function defaultDeviceClaim({ requests = [] }: DeviceClaim = {}): void {
  for (const { exactly, firstAvailable = [] } of requests) {
    for (const request of exactly ? [exactly, ...firstAvailable] : firstAvailable) {
      request.allocationMode ||= "ExactCount";
      if (request.allocationMode === "ExactCount") request.count ||= 1;
      for (const toleration of request.tolerations ?? []) toleration.operator ||= "Equal";
    }
  }
}

export function validateDeviceClaim(path: string, { requests, constraints, config }: DeviceClaim = {}): FieldError[] {
  const names = requestNames({ requests });
  return [
    ...validateEach(`${path}.requests`, requests, MAX_LIST, validateRequest),
    ...unique(`${path}.requests`, requests, ({ name }) => name),
    ...validateEach(`${path}.constraints`, constraints, MAX_LIST, (constraint, at) => [
      ...validateReferences(`${at}.requests`, constraint.requests, names),
      ...validateConstraint(at, constraint),
    ]),
    ...validateEach(`${path}.config`, config, MAX_LIST, (found, at) => [
      ...validateReferences(`${at}.requests`, found.requests, names),
      ...validateConfiguration(at, found.opaque),
    ]),
  ];
}

/** "request" and "request/alternative": what other parts may name. */
export function requestNames({ requests = [] }: DeviceClaim = {}): ReadonlySet<string> {
  const names = requests.flatMap(({ name, firstAvailable = [] }) => [
    name,
    ...firstAvailable.map((alternative) => `${name}/${alternative.name}`),
  ]);
  return new Set(names);
}

export function validateReference(field: string, name: string, names: ReadonlySet<string>): FieldError[] {
  if (!name) return [required(field)];
  if (names.has(name)) return [];
  const text = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
  return [invalid(field, name, text)];
}

export function validateReferences(
  path: string,
  list: readonly string[] | undefined,
  names: ReadonlySet<string>,
): FieldError[] {
  const each = validateEach(path, list, MAX_LIST, (name, at) => validateReference(at, name, names));
  return [...each, ...unique(path, list, (name) => name)];
}

function validateConstraint(
  at: string,
  { matchAttribute, distinctAttribute }: { matchAttribute?: string; distinctAttribute?: string },
): FieldError[] {
  const given = [matchAttribute, distinctAttribute].filter((name) => name !== undefined);
  const text = "exactly one of `matchAttribute` or `distinctAttribute` is required";
  if (given.length === 0) return [required(at, text)];
  if (given.length > 1) return [invalid(at, "", `${text}, but multiple fields are set`)];
  const field = `${at}.${matchAttribute === undefined ? "distinctAttribute" : "matchAttribute"}`;
  return validateQualifiedName(field, given[0]!, true);
}

function validateRequest({ name, exactly, firstAvailable }: DeviceRequest, at: string): FieldError[] {
  const errors = requiredLabel(`${at}.name`, name);
  const alternatives = firstAvailable?.length ? firstAvailable : undefined;
  if (!exactly && !alternatives) return [...errors, required(at, ONE)];
  if (exactly && alternatives) return [...errors, invalid(at, "", `${ONE}, but multiple fields are set`)];
  if (exactly) return [...errors, ...validateDevices(exactly, `${at}.exactly`)];
  const path = `${at}.firstAvailable`;
  return [
    ...errors,
    ...validateEach(path, alternatives, MAX_ALTERNATIVES, (alternative, each) => [
      ...requiredLabel(`${each}.name`, alternative.name),
      ...validateDevices(alternative, each),
    ]),
    ...unique(path, alternatives, (alternative) => alternative.name),
  ];
}

function validateDevices(request: ExactDeviceRequest | DeviceSubRequest, at: string): FieldError[] {
  const { deviceClassName, selectors, allocationMode, count = 0, tolerations } = request;
  const errors = [
    ...requiredSubdomain(`${at}.deviceClassName`, deviceClassName),
    ...validateSelectors(`${at}.selectors`, selectors),
    ...oneOf(`${at}.allocationMode`, allocationMode, ["All", "ExactCount"]),
    ...validateDeviceTolerations(`${at}.tolerations`, tolerations),
  ];
  if (allocationMode === "All" && count !== 0)
    errors.push(invalid(`${at}.count`, count, "must not be specified when allocationMode is 'All'"));
  if (allocationMode === "ExactCount" && count <= 0)
    errors.push(invalid(`${at}.count`, count, "must be greater than zero"));
  return errors;
}
