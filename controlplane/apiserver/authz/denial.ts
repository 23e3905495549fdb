/** How a refusal reads: word for word as Kubernetes says it, since people and tools search for it. */
import { StatusError } from "#api/status-error.js";
import type { AccessRequest } from "./access.js";

export function denial(access: AccessRequest, reason?: string): StatusError {
  const { user, verb, resource, path } = access;
  const because = reason ? `: ${reason}` : "";
  if (!resource) {
    const message = `forbidden: User ${quote(user.name)} cannot ${verb} path ${quote(path ?? "")}${because}`;
    return new StatusError(403, "Forbidden", message, {});
  }
  const { group, plural, subresource, namespace, name } = resource;
  const what = subresource ? `${plural}/${subresource}` : plural;
  const scope = namespace ? `in the namespace ${quote(namespace)}` : "at the cluster scope";
  const subject = `${group ? `${plural}.${group}` : plural}${name ? ` ${quote(name)}` : ""}`;
  const message = `${subject} is forbidden: User ${quote(user.name)} cannot ${verb} resource ${quote(what)} in API group ${quote(group)} ${scope}${because}`;
  return new StatusError(403, "Forbidden", message, { name, group: group || undefined, kind: plural });
}

const quote = (text: string) => JSON.stringify(text);
