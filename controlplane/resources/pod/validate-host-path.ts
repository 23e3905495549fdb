import { type FieldError, invalid, notSupported, required } from "#api/field-error.js";
import type { HostPathVolumeSource } from "#api/generated/types.js";
import { hasBackstep } from "./validate-path.js";

const TYPES = ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

/** Of a Pod's volume, and of a PersistentVolume. */
export function validateHostPath(
  field: string,
  { path = "", type = "" }: Partial<HostPathVolumeSource> = {},
): FieldError[] {
  const errors = path ? [] : [required(`${field}.path`)];
  if (hasBackstep(path)) errors.push(invalid(`${field}.path`, path, "must not contain '..'"));
  if (!TYPES.includes(type)) errors.push(notSupported(`${field}.type`, type, TYPES));
  return errors;
}
