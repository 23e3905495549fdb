import { isDeepStrictEqual } from "node:util";
import { type FieldError, forbidden, invalid, required } from "#api/field-error.js";
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec, TypedObjectReference } from "#api/generated/types.js";
import { equalJson } from "#api/json-value.js";
import { compareQuantities } from "#api/quantity.js";
import { validateLabelSelector } from "#api/validation/labels.js";
import { dns1123Subdomain, invalidEach } from "#api/validation/names.js";
import { immutable, oneOf } from "../field-rules.js";
import { validateAccessModes } from "../persistentvolume/access-modes.js";
import { positive, VOLUME_MODES, validateClassName } from "../persistentvolume/validate.js";

/** Also of the claims in templates. */
export function validateClaimSpec(path: string, spec: PersistentVolumeClaimSpec): FieldError[] {
  const { accessModes, selector, resources, dataSource, dataSourceRef } = spec;
  const errors = accessModes?.length ? [] : [required(`${path}.accessModes`, "at least 1 access mode is required")];
  errors.push(...validateLabelSelector(`${path}.selector`, selector));
  errors.push(...validateAccessModes(`${path}.accessModes`, accessModes));
  const size = resources?.requests?.["storage"];
  const field = `${path}.resources[storage]`;
  errors.push(...(size === undefined ? [required(field)] : positive(field, size)));
  errors.push(...validateClassName(`${path}.storageClassName`, spec.storageClassName));
  errors.push(...oneOf(`${path}.volumeMode`, spec.volumeMode, VOLUME_MODES));
  if (dataSource) errors.push(...validateDataSource(`${path}.dataSource`, dataSource));
  if (dataSourceRef) errors.push(...validateDataSource(`${path}.dataSourceRef`, dataSourceRef));
  if (dataSource && dataSourceRef?.namespace)
    errors.push(invalid(path, `${path}.dataSource`, "may not be specified when dataSourceRef.namespace is specified"));
  else if (dataSource && dataSourceRef && !isDeepStrictEqual({ ...dataSource }, { ...dataSourceRef }))
    errors.push(invalid(path, `${path}.dataSource`, "must match dataSourceRef"));
  return [...errors, ...validateClassName(`${path}.volumeAttributesClassName`, spec.volumeAttributesClassName)];
}

function validateDataSource(path: string, { apiGroup = "", kind, name }: TypedObjectReference): FieldError[] {
  const errors = name ? [] : [required(`${path}.name`)];
  if (!kind) errors.push(required(`${path}.kind`));
  if (!apiGroup && kind !== "PersistentVolumeClaim")
    errors.push(invalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
  return apiGroup ? [...errors, ...invalidEach(`${path}.apiGroup`, apiGroup, dns1123Subdomain(apiGroup))] : errors;
}

/** A claim's wish stands, but for the volume it gets (once), the class it gets when it named none, and more room. */
export function validateClaimUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldError[] {
  const { spec } = claim;
  const before = structuredClone(old.spec);
  if (!before.volumeName) before.volumeName = spec.volumeName;
  before.storageClassName ??= spec.storageClassName;
  if (old.status?.phase === "Bound") {
    before.resources = { ...before.resources, requests: { ...before.resources?.requests, ...sizeOf(spec) } };
    before.volumeAttributesClassName = spec.volumeAttributesClassName;
  }
  const errors: FieldError[] = [];
  if (!equalJson(spec, before))
    errors.push(
      forbidden(
        "spec",
        "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
      ),
    );
  const [wanted, had] = [sizeOf(spec).storage ?? "0", sizeOf(old.spec).storage ?? "0"];
  const held = old.status?.capacity?.["storage"] ?? "0";
  if (compareQuantities(wanted, had) < 0 && compareQuantities(wanted, held) <= 0)
    errors.push(forbidden("spec.resources.requests.storage", "field can not be less than status.capacity"));
  errors.push(...immutable("volumeMode", spec.volumeMode, old.spec.volumeMode));
  if (old.spec.volumeAttributesClassName !== undefined && !spec.volumeAttributesClassName) {
    const to = spec.volumeAttributesClassName === undefined ? "nil" : "an empty string";
    errors.push(forbidden("spec.volumeAttributesClassName", `update from non-nil value to ${to} is forbidden`));
  }
  return errors;
}

const sizeOf = ({ resources }: PersistentVolumeClaimSpec): { storage?: string } => {
  const storage = resources?.requests?.["storage"];
  return storage === undefined ? {} : { storage };
};
