import { isDeepStrictEqual } from "node:util";
import { type FieldError, forbidden, invalid, notSupported, required } from "#api/field-error.js";
import type { PersistentVolume, PersistentVolumeSpec } from "#api/generated/types.js";
import { parseQuantity } from "#api/quantity.js";
import { dns1123Subdomain, invalidEach } from "#api/validation/names.js";
import { sourcesOf } from "#api/volume-source.js";
import { immutable, need, oneOf } from "../field-rules.js";
import { validateHostPath } from "../pod/validate-host-path.js";
import { hasBackstep } from "../pod/validate-path.js";
import { validateNodeTerm } from "../pod/validate-scheduling.js";
import { validateAccessModes } from "./access-modes.js";

type SourceRule = (field: string, spec: PersistentVolumeSpec) => FieldError[];

/** Sources without an entry are only checked for standing alone. */
const sourceRules: Readonly<Record<string, SourceRule>> = {
  hostPath: (field, { hostPath }) => validateHostPath(field, hostPath),
  local(field, { local, nodeAffinity }) {
    const errors = need(`${field}.path`, local?.path);
    if (local?.path && hasBackstep(local.path))
      errors.push(invalid(`${field}.path`, local.path, "must not contain '..'"));
    if (!nodeAffinity?.required) errors.push(required("spec.nodeAffinity", "Local volume requires node affinity"));
    return errors;
  },
  nfs: (field, { nfs }) => [...need(`${field}.server`, nfs?.server), ...need(`${field}.path`, nfs?.path)],
  csi: (field, { csi }) => [
    ...need(`${field}.driver`, csi?.driver),
    ...need(`${field}.volumeHandle`, csi?.volumeHandle),
  ],
};

export function validatePersistentVolume({ spec }: PersistentVolume): FieldError[] {
  const errors = spec.accessModes?.length ? [] : [required("spec.accessModes")];
  errors.push(
    ...validateAccessModes("spec.accessModes", spec.accessModes),
    ...validateCapacity(spec.capacity),
    ...oneOf("spec.persistentVolumeReclaimPolicy", spec.persistentVolumeReclaimPolicy, ["Delete", "Recycle", "Retain"]),
    ...validateNodeAffinity(spec),
  );
  const sources = sourcesOf(spec);
  if (sources.length === 0) errors.push(required("spec", "must specify a volume type"));
  for (const [i, name] of sources.entries()) {
    const field = `spec.${name}`;
    if (i > 0) errors.push(forbidden(field, "may not specify more than 1 volume type"));
    else errors.push(...(sourceRules[name]?.(field, spec) ?? []));
  }
  errors.push(...validateClassName("spec.storageClassName", spec.storageClassName));
  errors.push(...oneOf("spec.volumeMode", spec.volumeMode, VOLUME_MODES));
  const { volumeAttributesClassName } = spec;
  if (volumeAttributesClassName !== undefined && !spec.csi)
    errors.push(required("spec.csi", "has to be specified when using volumeAttributesClassName"));
  return errors;
}

export const VOLUME_MODES = ["Block", "Filesystem"];

/** Absent and "" are both no class. */
export function validateClassName(field: string, name: string | undefined): FieldError[] {
  return name ? invalidEach(field, name, dns1123Subdomain(name)) : [];
}

function validateCapacity(capacity: PersistentVolumeSpec["capacity"] = {}): FieldError[] {
  const field = "spec.capacity";
  const names = Object.keys(capacity);
  const errors = names.length === 0 ? [required(field)] : [];
  if (names.join() !== "storage") errors.push(notSupported(field, capacity, ["storage"]));
  for (const [name, quantity] of Object.entries(capacity)) errors.push(...positive(`${field}[${name}]`, quantity));
  return errors;
}

export function positive(field: string, quantity: string): FieldError[] {
  return parseQuantity(quantity).nano > 0n ? [] : [invalid(field, quantity, "must be greater than zero")];
}

function validateNodeAffinity({ nodeAffinity }: PersistentVolumeSpec): FieldError[] {
  const field = "spec.nodeAffinity.required";
  if (!nodeAffinity) return [];
  const terms = nodeAffinity.required?.nodeSelectorTerms;
  if (!terms) return [required(field, "must specify required node constraints")];
  if (terms.length === 0) return [required(`${field}.nodeSelectorTerms`, "must have at least one node selector term")];
  return terms.flatMap((term, i) => validateNodeTerm(`${field}.nodeSelectorTerms[${i}]`, term));
}

export function validatePersistentVolumeUpdate(
  { spec }: PersistentVolume,
  { spec: old }: PersistentVolume,
): FieldError[] {
  const source = (from: PersistentVolumeSpec) => sourcesOf(from).map((name) => [name, from[name]]);
  const errors = isDeepStrictEqual(source(spec), source(old))
    ? []
    : [forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation")];
  errors.push(...immutable("volumeMode", spec.volumeMode, old.volumeMode));
  if (old.nodeAffinity) errors.push(...immutable("nodeAffinity", spec.nodeAffinity, old.nodeAffinity));
  return errors;
}
