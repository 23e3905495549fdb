/** Files in volumes: where they go, what they may be read as, and what they show. */
import { type FieldError, invalid, required } from "#api/field-error.js";
import type { DownwardAPIVolumeFile, KeyToPath } from "#api/generated/types.js";
import { validateFieldRef, validateResourceFieldRef, volumeFields } from "./validate-env.js";
import { validateFilePath } from "./validate-path.js";

const FILE_MODE_TEXT = "must be a number between 0 and 0777 (octal), both inclusive";

export function validateMode(field: string, mode: number | undefined): FieldError[] {
  return mode === undefined || (mode >= 0 && mode <= 0o777) ? [] : [invalid(field, mode, FILE_MODE_TEXT)];
}

export function validateItems(path: string, items: readonly KeyToPath[] = []): FieldError[] {
  return items.flatMap((item, i) => {
    const at = `${path}.items[${i}]`;
    const errors = item.key ? [] : [required(`${at}.key`)];
    return [...errors, ...validateFilePath(`${at}.path`, item.path), ...validateMode(`${at}.mode`, item.mode)];
  });
}

export function validateDownwardItems(path: string, items: readonly DownwardAPIVolumeFile[] = []): FieldError[] {
  return items.flatMap((item, i) => {
    const at = `${path}.items[${i}]`;
    const errors = validateFilePath(`${at}.path`, item.path);
    const { fieldRef, resourceFieldRef } = item;
    if (fieldRef) errors.push(...validateFieldRef(`${at}.fieldRef`, fieldRef, volumeFields));
    if (resourceFieldRef) errors.push(...validateResourceFieldRef(`${at}.resourceFieldRef`, resourceFieldRef, true));
    if (fieldRef && resourceFieldRef)
      errors.push(invalid(at, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"));
    if (!fieldRef && !resourceFieldRef) errors.push(required(at, "one of fieldRef and resourceFieldRef is required"));
    return [...errors, ...validateMode(`${at}.mode`, item.mode)];
  });
}
