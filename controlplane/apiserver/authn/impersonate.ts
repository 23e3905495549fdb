/** `kubectl --as`: acting as somebody else, for those who may. https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation */
import type { IncomingHttpHeaders } from "node:http";
import type { UserInfo } from "#resources/kind.js";
import type { AccessRequest, Authorize } from "../authz/access.js";
import { denial } from "../authz/denial.js";
import { authenticated, SERVICE_ACCOUNT_PREFIX, serviceAccountGroups } from "./groups.js";

const EXTRA = "impersonate-extra-";
const AUTHENTICATION = "authentication.k8s.io";
const ANONYMOUS_NAME = "system:anonymous";

/**
 * The user the request wants to act as, or the user itself when it asks for nobody else.
 * @throws StatusError 403 when it may not be that one, in one of the groups, or have one of the extras
 */
export function impersonate(user: UserInfo, headers: IncomingHttpHeaders, authorize: Authorize): UserInfo {
  const may = (resource: AccessRequest["resource"]) => {
    const access = { user, verb: "impersonate", resource };
    if (!authorize(access).allowed) throw denial(access);
  };
  const name = headers["impersonate-user"];
  const groups = list(headers["impersonate-group"]);
  const uid = headers["impersonate-uid"];
  if (typeof name !== "string") {
    if (groups.length > 0) may({ group: "", plural: "groups", name: groups[0] });
    if (name === undefined && groups.length === 0 && uid === undefined) return user;
    throw denial({ user, verb: "impersonate", resource: { group: "", plural: "users" } });
  }
  may(subjectOf(name));
  for (const group of groups) may({ group: "", plural: "groups", name: group });
  if (typeof uid === "string") may({ group: AUTHENTICATION, plural: "uids", name: uid });
  const extra = extras(headers);
  for (const [key, values] of Object.entries(extra))
    for (const value of values) may({ group: AUTHENTICATION, plural: "userextras", subresource: key, name: value });
  if (name === ANONYMOUS_NAME) return { name, groups: ["system:unauthenticated"] };
  return authenticated({
    name,
    groups: groups.length > 0 ? groups : accountGroups(name),
    ...(typeof uid === "string" && { uid }),
    extra,
  });
}

function subjectOf(name: string): AccessRequest["resource"] {
  if (!name.startsWith(SERVICE_ACCOUNT_PREFIX)) return { group: "", plural: "users", name };
  const [namespace, account] = name.slice(SERVICE_ACCOUNT_PREFIX.length).split(":");
  return { group: "", plural: "serviceaccounts", namespace, name: account };
}

function extras(headers: IncomingHttpHeaders): Record<string, string[]> {
  const extra: Record<string, string[]> = {};
  for (const [header, value] of Object.entries(headers))
    if (header.startsWith(EXTRA) && value !== undefined)
      extra[decodeURIComponent(header.slice(EXTRA.length))] = list(value);
  return extra;
}

function accountGroups(name: string): string[] {
  if (!name.startsWith(SERVICE_ACCOUNT_PREFIX)) return [];
  return serviceAccountGroups(name.slice(SERVICE_ACCOUNT_PREFIX.length).split(":")[0]!);
}

/** Node joins a repeated header with ", ". */
function list(value: string | string[] | undefined): string[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : value.split(",")).map((text) => text.trim());
}
