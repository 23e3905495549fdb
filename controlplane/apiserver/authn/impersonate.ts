/** `kubectl --as`: acting as somebody else, for administrators. */
import type { IncomingHttpHeaders } from "node:http";
import { forbiddenError } from "#api/status-error.js";
import type { UserInfo } from "#resources/kind.js";
import { authenticated, MASTERS, SERVICE_ACCOUNT_PREFIX, serviceAccountGroups } from "./groups.js";

const EXTRA = "impersonate-extra-";

/**
 * The user the request wants to act as, or the user itself when it asks for nobody else.
 * @throws StatusError 403 for anyone who is not in system:masters
 */
export function impersonate(user: UserInfo, headers: IncomingHttpHeaders): UserInfo {
  const name = headers["impersonate-user"];
  if (name === undefined) {
    if (headers["impersonate-group"] === undefined && headers["impersonate-uid"] === undefined) return user;
    throw denied(user, "groups", "");
  }
  if (typeof name !== "string" || !user.groups.includes(MASTERS)) throw denied(user, "users", String(name));
  if (name === "system:anonymous") return { name, groups: ["system:unauthenticated"] };
  const extra: Record<string, string[]> = {};
  for (const [header, value] of Object.entries(headers)) {
    if (header.startsWith(EXTRA) && value !== undefined)
      extra[decodeURIComponent(header.slice(EXTRA.length))] = list(value);
  }
  const groups = list(headers["impersonate-group"]);
  const uid = headers["impersonate-uid"];
  return authenticated({
    name,
    groups: groups.length > 0 ? groups : accountGroups(name),
    ...(typeof uid === "string" && { uid }),
    extra,
  });
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

function denied(user: UserInfo, plural: string, name: string) {
  const why = `User "${user.name}" cannot impersonate resource "${plural}" in API group "" at the cluster scope`;
  return forbiddenError({ group: "", plural, kind: plural }, name, why);
}
