/** Paths inside a volume. */
import { type FieldError, invalid, required } from "#api/field-error.js";

export const hasBackstep = (path: string) => path.split("/").includes("..");

/** A path inside a volume: relative, and going down only. */
export function validateDescendingPath(field: string, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (path.startsWith("/")) errors.push(invalid(field, path, "must be a relative path"));
  if (hasBackstep(path)) errors.push(invalid(field, path, "must not contain '..'"));
  return errors;
}

/** Where a key's file goes. Names with two leading dots belong to the kubelet's atomic writer. */
export function validateFilePath(field: string, path: string | undefined): FieldError[] {
  if (!path) return [required(field)];
  const errors = validateDescendingPath(field, path);
  if (path.startsWith("..") && !path.startsWith("../")) errors.push(invalid(field, path, "must not start with '..'"));
  return errors;
}
