/** A device as its driver describes it in a ResourceSlice. */
import { type FieldError, invalid, required, tooLong, tooMany } from "#api/field-error.js";
import type { Counter, Device, DeviceAttribute, DeviceCapacity, DeviceTaint } from "#api/generated/types.js";
import { validateLabelName } from "#api/validation/labels.js";
import { dns1123Label, invalidEach, labelValue } from "#api/validation/names.js";
import { validateQuantity } from "../pod/validate-resources.js";
import { requiredLabel, unique, validateDeviceEffect, validateEach, validateQualifiedName } from "./validate-parts.js";

/** Attributes and capacities of one device together. */
const MAX_PROPERTIES = 32;
const MAX_ATTRIBUTE = 64;
const MAX_TAINTS = 16;
const MAX_CONSUMED_SETS = 2;
const MAX_CONDITIONS = 4;
export const MAX_COUNTERS = 32;
const TAINT_EFFECTS = ["NoExecute", "NoSchedule", "None"];
const ONE_NODE_CHOICE =
  "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true";

/** @param perDevice the slice leaves it to its devices to say on which nodes they are */
export function validateDevice(device: Device, at: string, perDevice: boolean): FieldError[] {
  const { name, attributes = {}, capacity = {}, taints, consumesCounters } = device;
  const properties = Object.keys(attributes).length + Object.keys(capacity).length;
  return [
    ...requiredLabel(`${at}.name`, name),
    ...(properties > MAX_PROPERTIES ? [tooMany(at, properties, MAX_PROPERTIES)] : []),
    ...Object.entries(attributes).flatMap(([key, value]) => validateAttribute(`${at}.attributes[${key}]`, key, value)),
    ...Object.entries(capacity).flatMap(([key, value]) => validateCapacity(`${at}.capacity[${key}]`, key, value)),
    ...validateEach(`${at}.taints`, taints, MAX_TAINTS, validateTaint),
    ...validateEach(`${at}.consumesCounters`, consumesCounters, MAX_CONSUMED_SETS, ({ counterSet, counters }, each) => [
      ...requiredLabel(`${each}.counterSet`, counterSet),
      ...validateCounters(`${each}.counters`, counters),
    ]),
    ...unique(`${at}.consumesCounters`, consumesCounters, ({ counterSet }) => counterSet),
    ...validateConditions(at, device),
    ...validatePlace(at, device, perDevice),
  ];
}

function validatePlace(at: string, { nodeName, nodeSelector, allNodes }: Device, perDevice: boolean): FieldError[] {
  const given = Object.entries({ nodeName, nodeSelector, allNodes }).filter(([, value]) => value !== undefined);
  if (perDevice && given.length === 0) return [required(at, ONE_NODE_CHOICE)];
  if (perDevice)
    return given.length === 1
      ? []
      : [
          invalid(
            at,
            given.map(([field]) => field),
            ONE_NODE_CHOICE,
          ),
        ];
  return given.map(([field, value]) =>
    invalid(`${at}.${field}`, value, "can only be specified when `perDeviceNodeSelection` is set to true"),
  );
}

function validateConditions(
  at: string,
  { bindingConditions = [], bindingFailureConditions = [] }: Device,
): FieldError[] {
  const errors = Object.entries({ bindingConditions, bindingFailureConditions }).flatMap(([field, list]) =>
    validateEach(`${at}.${field}`, list, MAX_CONDITIONS, (name, each) => validateLabelName(each, name)),
  );
  const pairs = [
    [bindingConditions, bindingFailureConditions, "bindingFailureConditions"],
    [bindingFailureConditions, bindingConditions, "bindingConditions"],
  ] as const;
  for (const [one, other, field] of pairs)
    if (one.length > 0 && other.length === 0)
      errors.push(invalid(`${at}.${field}`, other, "must be set with the other of the two"));
  return errors;
}

function validateAttribute(at: string, key: string, { bool, int, string, version }: DeviceAttribute): FieldError[] {
  const errors = validateQualifiedName(at, key);
  const given = [bool, int, string, version].filter((value) => value !== undefined);
  if (given.length === 0) return [...errors, required(at, "exactly one value must be specified")];
  if (given.length > 1)
    return [...errors, invalid(at, { bool, int, string, version }, "exactly one value must be specified")];
  if (Math.max(string?.length ?? 0, version?.length ?? 0) > MAX_ATTRIBUTE)
    return [...errors, tooLong(at, MAX_ATTRIBUTE)];
  if (version !== undefined && !SEMVER.test(version))
    errors.push(invalid(`${at}.version`, version, "must be a string compatible with semver.org spec 2.0.0"));
  return errors;
}

const NUMBER = "(?:0|[1-9]\\d*)";
const PRE_RELEASE = `(?:${NUMBER}|\\d*[a-zA-Z-][0-9a-zA-Z-]*)`;
/** https://semver.org/#semantic-versioning-specification-semver */
const SEMVER = new RegExp(
  `^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-${PRE_RELEASE}(?:\\.${PRE_RELEASE})*)?(?:\\+[0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*)?$`,
);

const validateCapacity = (at: string, key: string, { value }: DeviceCapacity): FieldError[] => [
  ...validateQualifiedName(at, key),
  ...validateQuantity(`${at}.value`, key, value),
];

function validateTaint({ key, value = "", effect }: DeviceTaint, at: string): FieldError[] {
  const errors = key ? validateLabelName(`${at}.key`, key) : [required(`${at}.key`)];
  errors.push(...invalidEach(`${at}.value`, value, labelValue(value)));
  return [...errors, ...validateDeviceEffect(`${at}.effect`, effect, TAINT_EFFECTS)];
}

/** Counters that are there, or that are used up. */
export function validateCounters(path: string, counters: Readonly<Record<string, Counter>> = {}): FieldError[] {
  const entries = Object.entries(counters);
  if (entries.length === 0) return [required(path)];
  if (entries.length > MAX_COUNTERS) return [tooMany(path, entries.length, MAX_COUNTERS)];
  return entries.flatMap(([name, { value }]) => [
    ...invalidEach(`${path}[${name}]`, name, dns1123Label(name)),
    ...validateQuantity(`${path}[${name}].value`, name, value),
  ]);
}
