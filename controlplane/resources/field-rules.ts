/** Rules that fields of many kinds follow. */
import { isDeepStrictEqual } from "node:util";
import { type FieldError, invalid, notSupported, required, tooLong } from "#api/field-error.js";
import { IMMUTABLE } from "#api/validation/metadata.js";
import { dns1123Subdomain, invalidEach } from "#api/validation/names.js";
import { percent } from "#api/validation/network.js";

const MAX_DRIVER_NAME = 63;

export function nonNegative(field: string, value: number | undefined): FieldError[] {
  return value === undefined || value >= 0 ? [] : [invalid(field, value, "must be greater than or equal to 0")];
}

/** So many, or so many in a hundred: 3, "25%". */
export function share(field: string, value: number | string | undefined): FieldError[] {
  return typeof value === "string" ? invalidEach(field, value, percent(value)) : nonNegative(field, value);
}

/** Beside {@link share}: a part cannot be more than the whole. */
export function notOverAll(field: string, value: number | string | undefined): FieldError[] {
  const isOver = typeof value === "string" && Number.parseInt(value, 10) > 100;
  return isOver ? [invalid(field, value, "must not be greater than 100%")] : [];
}

export function need(field: string, value: string | undefined): FieldError[] {
  return value ? [] : [required(field)];
}

export function immutable(field: string, value: unknown, old: unknown): FieldError[] {
  return isDeepStrictEqual(value, old) ? [] : [invalid(field, value, IMMUTABLE)];
}

/** A count in a status, beside the count it is part of. */
export function notMoreThan(field: string, value = 0, limit = 0, limitName = "status.replicas"): FieldError[] {
  return value <= limit ? [] : [invalid(field, value, `cannot be greater than ${limitName}`)];
}

/** A word out of a few. Absent is an error too: defaults have run. */
export function oneOf(field: string, value: string | undefined, supported: readonly string[]): FieldError[] {
  if (!value) return [required(field)];
  return supported.includes(value) ? [] : [notSupported(field, value, supported)];
}

/** The name of a driver of volumes or of devices, as it gives itself: a subdomain in any case. */
export function driverName(field: string, name: string | undefined): FieldError[] {
  if (!name) return [required(field)];
  if (name.length > MAX_DRIVER_NAME) return [tooLong(field, MAX_DRIVER_NAME)];
  return invalidEach(field, name, dns1123Subdomain(name.toLowerCase()));
}
