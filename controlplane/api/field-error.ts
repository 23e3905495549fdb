/**
 * One thing wrong with one field, worded as Kubernetes words it
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/, `Status.details.causes`).
 */
export interface FieldError {
  /** `StatusCause.reason`. */
  reason:
    | "FieldValueRequired"
    | "FieldValueInvalid"
    | "FieldValueNotSupported"
    | "FieldValueDuplicate"
    | "FieldValueForbidden"
    | "FieldValueTooLong"
    | "FieldValueTooMany"
    | "FieldValueNotFound"
    | "FieldValueTypeInvalid";
  /** Path from the object's root: `spec.containers[0].name`. */
  field: string;
  /** The message without the field path: `Invalid value: "x": must be ...`. */
  message: string;
}

/** How a bad value is quoted in a message: strings and objects as JSON, numbers and booleans bare. */
function quote(value: unknown): string {
  if (value === undefined || value === null) return "null";
  return JSON.stringify(value);
}

const detail = (text?: string) => (text ? `: ${text}` : "");

export function required(field: string, text?: string): FieldError {
  return { reason: "FieldValueRequired", field, message: `Required value${detail(text)}` };
}

export function invalid(field: string, value: unknown, text: string): FieldError {
  return { reason: "FieldValueInvalid", field, message: `Invalid value: ${quote(value)}${detail(text)}` };
}

export function typeInvalid(field: string, value: unknown, text: string): FieldError {
  return { reason: "FieldValueTypeInvalid", field, message: `Invalid value: ${quote(value)}${detail(text)}` };
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): FieldError {
  const list = supported.map((s) => JSON.stringify(s)).join(", ");
  return {
    reason: "FieldValueNotSupported",
    field,
    message: `Unsupported value: ${quote(value)}: supported values: ${list}`,
  };
}

export function duplicate(field: string, value: unknown): FieldError {
  return { reason: "FieldValueDuplicate", field, message: `Duplicate value: ${quote(value)}` };
}

export function forbidden(field: string, text: string): FieldError {
  return { reason: "FieldValueForbidden", field, message: `Forbidden: ${text}` };
}

export function notFound(field: string, value: unknown): FieldError {
  return { reason: "FieldValueNotFound", field, message: `Not found: ${quote(value)}` };
}

/** @param maxBytes the limit, in bytes */
export function tooLong(field: string, maxBytes: number): FieldError {
  return { reason: "FieldValueTooLong", field, message: `Too long: may not be more than ${maxBytes} bytes` };
}

export function tooMany(field: string, actual: number, max: number): FieldError {
  return { reason: "FieldValueTooMany", field, message: `Too many: ${actual}: must have at most ${max} items` };
}
