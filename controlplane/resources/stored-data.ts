/** Rules that the data of ConfigMaps and Secrets share. */
import { isDeepStrictEqual } from "node:util";
import { type FieldError, forbidden } from "#api/field-error.js";
import { configMapKey, invalidEach } from "#api/validation/names.js";

/** How much a ConfigMap or Secret may hold, in bytes. */
export const MAX_DATA_BYTES = 1024 * 1024;

type Data = Readonly<Record<string, string>> | undefined;

export function validateKeys(field: string, data: Data): FieldError[] {
  return Object.keys(data ?? {}).flatMap((key) => invalidEach(`${field}[${key}]`, key, configMapKey(key)));
}

export const textBytes = (data: Data) => sum(data, (text) => Buffer.byteLength(text));

/** Of what base64 texts stand for. */
export const decodedBytes = (data: Data) => sum(data, (text) => Buffer.byteLength(text, "base64"));

function sum(data: Data, size: (text: string) => number): number {
  let bytes = 0;
  for (const key in data) bytes += size(data[key] as string);
  return bytes;
}

/** An object marked immutable stays so, with all it holds. https://kubernetes.io/docs/concepts/configuration/configmap/#configmap-immutable */
export function validateKept<T extends { immutable?: boolean }>(
  object: T,
  old: T,
  fields: (keyof T & string)[],
): FieldError[] {
  if (!old.immutable) return [];
  const text = "field is immutable when `immutable` is set";
  const errors = object.immutable ? [] : [forbidden("immutable", text)];
  for (const field of fields) {
    if (!isDeepStrictEqual(object[field] ?? {}, old[field] ?? {})) errors.push(forbidden(field, text));
  }
  return errors;
}
