/** Whoever a Role or ClusterRole was bound to may do what its rules say. https://kubernetes.io/docs/reference/access-authn-authz/rbac/ */
import type { ClusterRoleBinding, RoleBinding } from "#api/generated/types.js";
import { allowsPath, allowsResource, rulesOf, type Wish } from "#api/rbac.js";
import type { ClusterReader } from "../cluster-reader.js";
import type { AccessRequest, Authorize } from "./access.js";
import { selectedName } from "./field-selector.js";

export function rbac(reader: ClusterReader): Authorize {
  return (access) => {
    const { user, verb, resource, path = "" } = access;
    const wish = resource && wishOf(access);
    for (const { rule, binding } of rulesOf(user, resource?.namespace, reader))
      if (wish ? allowsResource(rule, wish) : allowsPath(rule, verb, path))
        return { allowed: true, reason: because(binding) };
    return { allowed: false };
  };
}

/** The first that allows it decides. */
export function anyOf(...authorizers: readonly Authorize[]): Authorize {
  return (access) => {
    for (const authorize of authorizers) {
      const decision = authorize(access);
      if (decision.allowed) return decision;
    }
    return { allowed: false };
  };
}

function wishOf({ verb, resource }: AccessRequest): Wish | undefined {
  if (!resource) return undefined;
  const { group, plural, subresource, name, fieldSelector } = resource;
  return { verb, group, plural, subresource, name: name ?? selectedName(fieldSelector) };
}

function because({ kind, metadata, roleRef }: ClusterRoleBinding | RoleBinding): string {
  const name = metadata.namespace ? `${metadata.name}/${metadata.namespace}` : metadata.name;
  return `RBAC: allowed by ${kind} ${JSON.stringify(name)} of ${roleRef.kind} ${JSON.stringify(roleRef.name)}`;
}
