import { type FieldError, forbidden } from "#api/field-error.js";
import type { PriorityClass } from "#api/generated/types.js";
import { systemPriority } from "#api/priority.js";
import { priorityClasses } from "#api/refs.js";
import { forbiddenError } from "#api/status-error.js";
import { ageColumn, nameColumn } from "./columns.js";
import { immutable, oneOf } from "./field-rules.js";
import type { AdmissionContext, Kind } from "./kind.js";

const RESERVED_PREFIX = "system-";
const HIGHEST_OF_USERS = 1_000_000_000;

/** How important Pods are. https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/#priorityclass */
export const priorityClass: Kind<PriorityClass> = {
  ...priorityClasses,
  singular: "priorityclass",
  shortNames: ["pc"],
  schema: "PriorityClass",
  nameRule: "dns-subdomain",
  hasGeneration: true,
  columns: [
    nameColumn,
    { name: "Value", type: "integer", description: "Higher is more important.", value: ({ value }) => value },
    {
      name: "Global-Default",
      type: "string",
      description: "Whether Pods that name no class have this one.",
      value: ({ globalDefault }) => String(globalDefault ?? false),
    },
    ageColumn,
    {
      name: "PreemptionPolicy",
      type: "string",
      description: "Whether such Pods may take the place of others.",
      value: ({ preemptionPolicy }) => preemptionPolicy,
    },
  ],
  defaults(object) {
    object.preemptionPolicy ??= "PreemptLowerPriority";
  },
  validate: (object) => [
    ...validateValue(object),
    ...oneOf("preemptionPolicy", object.preemptionPolicy, ["Never", "PreemptLowerPriority"]),
  ],
  validateUpdate: (object, old) => [
    ...(object.value === old.value ? [] : [forbidden("value", "may not be changed in an update.")]),
    ...immutable("preemptionPolicy", object.preemptionPolicy, old.preemptionPolicy),
  ],
  admission: { allocate: (object, _, context) => refuseSecondDefault(object, context) },
};

function validateValue({ metadata, value, globalDefault }: PriorityClass): FieldError[] {
  const { name } = metadata;
  if (!name.startsWith(RESERVED_PREFIX)) {
    const text = `maximum allowed value of a user defined priority is ${HIGHEST_OF_USERS}`;
    return value > HIGHEST_OF_USERS ? [forbidden("value", text)] : [];
  }
  const known = systemPriority(name);
  const problem =
    known === undefined
      ? `${name} is not a known system priority class`
      : known !== value
        ? `value of ${name} PriorityClass must be ${known}`
        : globalDefault && `globalDefault of ${name} PriorityClass must be false`;
  if (!problem) return [];
  const text = `priority class names with '${RESERVED_PREFIX}' prefix are reserved for system use only. error: ${problem}`;
  return [forbidden("metadata.name", text)];
}

function refuseSecondDefault({ metadata, globalDefault }: PriorityClass, { list }: AdmissionContext): void {
  if (!globalDefault) return;
  const other = list(priorityClasses).find((each) => each.globalDefault && each.metadata.name !== metadata.name);
  if (!other) return;
  const why = `PriorityClass ${other.metadata.name} is already marked as default for all pods. Only one PriorityClass can be marked as default`;
  throw forbiddenError(priorityClasses, metadata.name, why);
}
