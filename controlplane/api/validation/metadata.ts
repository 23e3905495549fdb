/** What every object's metadata must satisfy, on creation and on change. */
import { type FieldError, forbidden, invalid, notSupported, required, tooLong } from "../field-error.js";
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from "../generated/types.js";
import { validateLabels } from "./labels.js";
import { dns1123Label, invalidEach, type NameRule, objectName, qualifiedName } from "./names.js";

const ANNOTATIONS_LIMIT_BYTES = 256 * 1024;
const MANAGER_LIMIT_BYTES = 128;

export const IMMUTABLE = "field is immutable";

export interface MetadataRules {
  readonly namespaced: boolean;
  readonly nameRule: NameRule;
}

export function validateAnnotations(
  field: string,
  annotations: Readonly<Record<string, string>> | undefined,
): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const key in annotations) {
    errors.push(...invalidEach(field, key, qualifiedName(key.toLowerCase())));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(annotations[key] as string);
  }
  if (bytes > ANNOTATIONS_LIMIT_BYTES) errors.push(tooLong(field, ANNOTATIONS_LIMIT_BYTES));
  return errors;
}

function validateOwnerReference(field: string, owner: OwnerReference): FieldError[] {
  const errors: FieldError[] = [];
  if (!owner.apiVersion || owner.apiVersion.endsWith("/"))
    errors.push(invalid(`${field}.apiVersion`, owner.apiVersion ?? "", "version must not be empty"));
  for (const key of ["kind", "name", "uid"] as const) {
    if (!owner[key]) errors.push(invalid(`${field}.${key}`, owner[key] ?? "", "must not be empty"));
  }
  if (owner.apiVersion === "v1" && owner.kind === "Event")
    errors.push(invalid(field, owner, "/v1, Kind=Event is disallowed from being an owner"));
  return errors;
}

export function validateOwnerReferences(field: string, owners: readonly OwnerReference[] = []): FieldError[] {
  const errors: FieldError[] = [];
  let controller: string | undefined;
  for (const owner of owners) {
    errors.push(...validateOwnerReference(field, owner));
    if (!owner.controller) continue;
    const current = `${owner.kind}/${owner.name}`;
    if (controller === undefined) controller = current;
    else {
      const text = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`;
      errors.push(invalid(field, owners, text));
    }
  }
  return errors;
}

export function validateFinalizers(field: string, finalizers: readonly string[] = []): FieldError[] {
  const errors = finalizers.flatMap((name) => invalidEach(field, name, qualifiedName(name)));
  if (finalizers.includes("orphan") && finalizers.includes("foregroundDeletion"))
    errors.push(invalid(field, finalizers, "finalizer orphan and foregroundDeletion cannot be both set"));
  return errors;
}

/** A field manager's name, in a query (`fieldManager`) or in an entry of managedFields. */
export function validateFieldManager(field: string, manager: string): FieldError[] {
  const errors: FieldError[] = [];
  if (Buffer.byteLength(manager) > MANAGER_LIMIT_BYTES) errors.push(tooLong(field, MANAGER_LIMIT_BYTES));
  let position = 0;
  for (const char of manager) {
    if (/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(char)) {
      const code = (char.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0");
      errors.push(invalid(field, manager, `invalid character U+${code} (at position ${position})`));
    }
    position += Buffer.byteLength(char);
  }
  return errors;
}

function validateManagedFields(field: string, entries: readonly ManagedFieldsEntry[] = []): FieldError[] {
  return entries.flatMap((entry, index) => {
    const at = `${field}[${index}]`;
    const errors: FieldError[] = [];
    if (entry.operation !== "Apply" && entry.operation !== "Update")
      errors.push(invalid(`${at}.operation`, entry.operation ?? "", "must be `Apply` or `Update`"));
    if (entry.fieldsType && entry.fieldsType !== "FieldsV1")
      errors.push(invalid(`${at}.fieldsType`, entry.fieldsType, "must be `FieldsV1`"));
    return [...errors, ...validateFieldManager(`${at}.manager`, entry.manager ?? "")];
  });
}

function validateCommon(meta: Partial<ObjectMeta>, field: string): FieldError[] {
  return [
    ...validateLabels(`${field}.labels`, meta.labels),
    ...validateAnnotations(`${field}.annotations`, meta.annotations),
    ...validateOwnerReferences(`${field}.ownerReferences`, meta.ownerReferences),
    ...validateFinalizers(`${field}.finalizers`, meta.finalizers),
    ...validateManagedFields(`${field}.managedFields`, meta.managedFields),
  ];
}

function validateNamespace(meta: Partial<ObjectMeta>, namespaced: boolean, field: string): FieldError[] {
  if (!namespaced) return meta.namespace ? [forbidden(field, "not allowed on this type")] : [];
  if (!meta.namespace) return [required(field)];
  return invalidEach(field, meta.namespace, dns1123Label(meta.namespace));
}

/** On creation, after a name was generated. */
export function validateObjectMeta(
  meta: Partial<ObjectMeta>,
  rules: MetadataRules,
  field: string = "metadata",
): FieldError[] {
  const errors: FieldError[] = [];
  const { name, generateName } = meta;
  if (generateName)
    errors.push(...invalidEach(`${field}.generateName`, generateName, objectName(rules.nameRule, generateName, true)));
  if (name) errors.push(...invalidEach(`${field}.name`, name, objectName(rules.nameRule, name)));
  else errors.push(required(`${field}.name`, "name or generateName is required"));
  errors.push(...validateNamespace(meta, rules.namespaced, `${field}.namespace`));
  if ((meta.generation ?? 0) < 0)
    errors.push(invalid(`${field}.generation`, meta.generation, "must be greater than or equal to 0"));
  return [...errors, ...validateCommon(meta, field)];
}

const immutableFields = [
  "name",
  "namespace",
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;

/** Of the change from `old` to `meta`. A write without a resourceVersion has received the current one before this. */
export function validateObjectMetaUpdate(
  meta: Partial<ObjectMeta>,
  old: Partial<ObjectMeta>,
  field: string = "metadata",
): FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp) {
    const added = (meta.finalizers ?? []).filter((name) => !old.finalizers?.includes(name)).sort();
    if (added.length > 0) {
      const list = added.map((name) => JSON.stringify(name)).join(", ");
      const text = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`;
      errors.push(forbidden(`${field}.finalizers`, text));
    }
  }
  if (!meta.resourceVersion)
    errors.push(invalid(`${field}.resourceVersion`, meta.resourceVersion ?? "", "must be specified for an update"));
  if ((meta.generation ?? 0) < (old.generation ?? 0))
    errors.push(invalid(`${field}.generation`, meta.generation ?? 0, "must not be decremented"));
  for (const key of immutableFields) {
    if ((meta[key] ?? "") !== (old[key] ?? "")) errors.push(invalid(`${field}.${key}`, meta[key], IMMUTABLE));
  }
  return [...errors, ...validateCommon(meta, field)];
}

/** The query options of a write. Kubernetes reports them as an Invalid object of kind CreateOptions, UpdateOptions, ... */
export function validateWriteOptions(options: {
  fieldManager?: string;
  fieldValidation?: string;
  dryRun?: readonly string[];
}): FieldError[] {
  const errors = validateFieldManager("fieldManager", options.fieldManager ?? "");
  const { fieldValidation = "", dryRun = [] } = options;
  if (dryRun.some((value) => value !== "All")) errors.push(notSupported("dryRun", dryRun, ["All"]));
  const allowed = ["", "Ignore", "Strict", "Warn"];
  if (!allowed.includes(fieldValidation)) errors.push(notSupported("fieldValidation", fieldValidation, allowed));
  return errors;
}
