/** The resourceVersion parameters of reads: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions */
import { type FieldError, forbidden, invalid, notSupported } from "#api/field-error.js";
import { badRequest, invalidObject, type StatusError } from "#api/status-error.js";

export interface VersionQuery {
  /** 0: any version will do. Undefined: the newest. */
  readonly revision: number | undefined;
  readonly match: "Exact" | "NotOlderThan" | undefined;
}

const LIST_OPTIONS = { group: "meta.k8s.io", plural: "listoptions", kind: "ListOptions" };

function invalidOptions(errors: readonly FieldError[]): StatusError {
  return invalidObject(LIST_OPTIONS, "", errors);
}

/** @throws StatusError 400 for what is not a resourceVersion of this server */
export function parseRevision(text: string | null): number | undefined {
  if (text === null || text === "") return undefined;
  if (!/^\d{1,15}$/.test(text)) {
    const problem = invalid(
      "resourceVersion",
      text,
      `strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
    throw invalidObject({ group: "", plural: "", kind: "" }, "", [problem]);
  }
  return Number(text);
}

/** @throws StatusError for combinations that mean nothing */
export function listVersion(query: URLSearchParams): VersionQuery {
  const revision = parseRevision(query.get("resourceVersion"));
  const match = query.get("resourceVersionMatch") || undefined;
  const field = "resourceVersionMatch";
  if (query.get("sendInitialEvents") !== null) {
    throw invalidOptions([forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")]);
  }
  if (query.get("continue")) {
    if (match) throw invalidOptions([forbidden(field, "resourceVersionMatch is forbidden when continue is provided")]);
    if (revision) throw badRequest("specifying resource version is not allowed when using continue");
    return { revision: undefined, match: undefined };
  }
  if (match === undefined) return { revision, match };
  if (match !== "Exact" && match !== "NotOlderThan") {
    throw invalidOptions([notSupported(field, match, ["Exact", "NotOlderThan", ""])]);
  }
  if (revision === undefined) {
    const text = "resourceVersionMatch is forbidden unless resourceVersion is provided";
    throw invalidOptions([forbidden(field, text)]);
  }
  if (match === "Exact" && revision === 0) {
    throw invalidOptions([forbidden(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')]);
  }
  return { revision, match };
}

export interface WatchStart {
  readonly revision: number | undefined;
  readonly sendInitialEvents: boolean | undefined;
  readonly bookmarks: boolean;
}

export function watchStart(query: URLSearchParams): WatchStart {
  const initial = query.get("sendInitialEvents");
  const match = query.get("resourceVersionMatch") || undefined;
  const field = "resourceVersionMatch";
  const errors: FieldError[] = [];
  if (initial !== null && match !== "NotOlderThan") {
    errors.push(forbidden(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
  }
  if (match !== undefined && initial === null) {
    errors.push(forbidden(field, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"));
  }
  if (match !== undefined && match !== "NotOlderThan") errors.push(notSupported(field, match, ["NotOlderThan"]));
  if (errors.length > 0) throw invalidOptions(errors);
  return {
    revision: parseRevision(query.get("resourceVersion")),
    sendInitialEvents: initial === null ? undefined : isTrue(initial),
    bookmarks: isTrue(query.get("allowWatchBookmarks")),
  };
}

const isTrue = (value: string | null) => value === "true" || value === "1";
