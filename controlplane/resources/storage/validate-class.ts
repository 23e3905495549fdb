/** What classes of volumes and of their attributes have in common: a driver, and parameters that only it understands. */
import { type FieldError, forbidden, invalid, required, tooLong } from "#api/field-error.js";
import { equalJson } from "#api/json-value.js";
import { invalidEach, qualifiedName } from "#api/validation/names.js";

const MAX_PARAMETERS = 512;
/** Bytes, of names and values together. */
const MAX_SIZE = 256 * 1024;

export function validateProvisioner(field: string, name: string): FieldError[] {
  if (!name) return [required(field)];
  const lower = name.toLowerCase();
  return invalidEach(field, lower, qualifiedName(lower));
}

export function validateParameters(parameters: Readonly<Record<string, string>> = {}): FieldError[] {
  const field = "parameters";
  const entries = Object.entries(parameters);
  if (entries.length > MAX_PARAMETERS) return [tooLong(field, MAX_PARAMETERS)];
  const errors = "" in parameters ? [invalid(field, "", "field can not be empty.")] : [];
  return textSize(entries) > MAX_SIZE ? [...errors, tooLong(field, MAX_SIZE)] : errors;
}

/** Bytes. */
export const textSize = (entries: readonly (readonly [string, string])[]): number =>
  entries.reduce((size, [name, value]) => size + Buffer.byteLength(name) + Buffer.byteLength(value), 0);

/** Volumes were made by what a class said: it says the same for as long as it is there. */
export function unchanged<T>(object: T, old: T, fields: readonly (string & keyof T)[]): FieldError[] {
  return fields
    .filter((field) => !equalJson(object[field], old[field]))
    .map((field) => forbidden(field, `updates to ${field} are forbidden.`));
}
