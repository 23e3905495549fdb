import type { FieldError } from "./field-error.js";
import type { Status, StatusDetails } from "./generated/types.js";

/** What an error is about: enough to word it and to fill `Status.details`. */
export interface ErrorSubject {
  group: string;
  plural: string;
  kind: string;
}

const resourceName = (s: ErrorSubject) => (s.group ? `${s.plural}.${s.group}` : s.plural);

/** The one error of the API: carries the Kubernetes `Status` that a client receives. */
export class StatusError extends Error {
  constructor(
    readonly code: number,
    readonly reason: string,
    message: string,
    readonly details?: StatusDetails,
  ) {
    super(message);
    this.name = "StatusError";
  }

  toStatus(): Status {
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: this.message,
      reason: this.reason || undefined,
      details: this.details,
      code: this.code,
    };
  }

  static fromStatus(status: Status): StatusError {
    return new StatusError(status.code ?? 500, status.reason ?? "", status.message ?? "unknown error", status.details);
  }
}

function about(subject: ErrorSubject, name: string): StatusDetails {
  return { name, group: subject.group || undefined, kind: subject.plural };
}

export function notFoundError(subject: ErrorSubject, name: string): StatusError {
  return new StatusError(404, "NotFound", `${resourceName(subject)} "${name}" not found`, about(subject, name));
}

export function alreadyExists(subject: ErrorSubject, name: string): StatusError {
  const message = `${resourceName(subject)} "${name}" already exists`;
  return new StatusError(409, "AlreadyExists", message, about(subject, name));
}

export const STALE_OBJECT =
  "the object has been modified; please apply your changes to the latest version and try again";

export function conflict(subject: ErrorSubject, name: string, why: string = STALE_OBJECT): StatusError {
  const message = `Operation cannot be fulfilled on ${resourceName(subject)} "${name}": ${why}`;
  return new StatusError(409, "Conflict", message, about(subject, name));
}

export function forbiddenError(subject: ErrorSubject, name: string, why: string): StatusError {
  const what = name ? `${resourceName(subject)} "${name}"` : resourceName(subject);
  return new StatusError(403, "Forbidden", `${what} is forbidden: ${why}`, about(subject, name));
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, "BadRequest", message);
}

export function unauthorized(): StatusError {
  return new StatusError(401, "Unauthorized", "Unauthorized");
}

export function methodNotAllowed(): StatusError {
  return new StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
}

export function gone(message: string): StatusError {
  return new StatusError(410, "Expired", message);
}

export function tooLarge(message: string): StatusError {
  return new StatusError(413, "RequestEntityTooLarge", message);
}

export function unsupportedMediaType(message: string): StatusError {
  return new StatusError(415, "UnsupportedMediaType", message);
}

export function internalError(message: string): StatusError {
  return new StatusError(500, "InternalError", `Internal error occurred: ${message}`, { causes: [{ message }] });
}

/** 422: the object parsed, and these fields are wrong. */
export function invalidObject(subject: ErrorSubject, name: string, errors: readonly FieldError[]): StatusError {
  const texts = errors.map((e) => `${e.field}: ${e.message}`);
  const list = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  const details: StatusDetails = {
    name,
    group: subject.group || undefined,
    kind: subject.kind,
    causes: errors.map((e) => ({ reason: e.reason, message: e.message, field: e.field })),
  };
  return new StatusError(
    422,
    "Invalid",
    `${subject.kind}${subject.group ? `.${subject.group}` : ""} "${name}" is invalid: ${list}`,
    details,
  );
}

const hasReason = (error: unknown, reason: string) => error instanceof StatusError && error.reason === reason;
export const isNotFound = (error: unknown) => hasReason(error, "NotFound");
export const isConflict = (error: unknown) => hasReason(error, "Conflict");
export const isAlreadyExists = (error: unknown) => hasReason(error, "AlreadyExists");
export const isInvalid = (error: unknown) => hasReason(error, "Invalid");
export const isGone = (error: unknown) => error instanceof StatusError && error.code === 410;
/** True for a StatusError with this HTTP code. */
export const isStatus = (error: unknown, code: number) => error instanceof StatusError && error.code === code;

/** The server refused a creation because the namespace is being deleted: nothing to do, nothing to tell. */
export function isNamespaceTerminating(error: unknown): boolean {
  if (!(error instanceof StatusError)) return false;
  return error.details?.causes?.some((cause) => cause.reason === "NamespaceTerminating") ?? false;
}
