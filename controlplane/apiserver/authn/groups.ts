/** The groups a user is in by the way it came. https://kubernetes.io/docs/reference/access-authn-authz/authentication/ */
import type { UserInfo } from "#resources/kind.js";

export const MASTERS = "system:masters";
export const NODES = "system:nodes";
export const BOOTSTRAPPERS = "system:bootstrappers";
export const AUTHENTICATED = "system:authenticated";
export const NODE_PREFIX = "system:node:";
export const SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:";

export const ANONYMOUS: UserInfo = Object.freeze({
  name: "system:anonymous",
  groups: Object.freeze(["system:unauthenticated"]),
});

export function authenticated(user: UserInfo): UserInfo {
  if (user.groups.includes(AUTHENTICATED)) return user;
  return { ...user, groups: [...user.groups, AUTHENTICATED] };
}

export function serviceAccountName(namespace: string, name: string): string {
  return `${SERVICE_ACCOUNT_PREFIX}${namespace}:${name}`;
}

export function serviceAccountGroups(namespace: string): string[] {
  return ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
}

/** The node's name when the user is a node's agent. */
export function nodeNameOf(user: UserInfo): string | undefined {
  if (!user.name.startsWith(NODE_PREFIX) || !user.groups.includes(NODES)) return undefined;
  return user.name.slice(NODE_PREFIX.length);
}
