/**
 * Who may do what without any role (those are rbac.ts): administrators everything, a node what is its own, anyone known the discovery
 * documents and questions about itself, anyone at all health and version. Everything else is refused.
 */
import { AUTHENTICATED, BOOTSTRAPPERS, MASTERS, NODES, nodeNameOf } from "../authn/groups.js";
import type { ClusterReader } from "../cluster-reader.js";
import type { AccessRequest, Authorize, Decision } from "./access.js";
import { nodeMay } from "./node-policy.js";

const ALLOWED: Decision = { allowed: true };
const DENIED: Decision = { allowed: false };

const PUBLIC_PATHS = ["/healthz", "/livez", "/readyz", "/version"];
const DISCOVERY_PATHS = ["/api", "/apis", "/openapi"];
const JOIN_PATHS = new Set(["/berth/v1/join", "/berth/v1/cluster"]);
const SELF_REVIEWS = new Set(["selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews"]);
const READ_METHODS = new Set(["get", "head"]);

export function staticPolicy(reader: ClusterReader): Authorize {
  return (access) => {
    const { user, resource } = access;
    if (user.groups.includes(MASTERS)) return ALLOWED;
    if (!resource) return mayPath(access) ? ALLOWED : DENIED;
    if (user.groups.includes(AUTHENTICATED) && access.verb === "create" && SELF_REVIEWS.has(resource.plural))
      return ALLOWED;
    const node = nodeNameOf(user);
    return node !== undefined && nodeMay(node, access, reader) ? ALLOWED : DENIED;
  };
}

function mayPath({ user, verb, path = "" }: AccessRequest): boolean {
  if (READ_METHODS.has(verb)) {
    if (isBelow(path, PUBLIC_PATHS)) return true;
    if (user.groups.includes(AUTHENTICATED) && isBelow(path, DISCOVERY_PATHS)) return true;
  }
  return JOIN_PATHS.has(path) && (user.groups.includes(BOOTSTRAPPERS) || user.groups.includes(NODES));
}

function isBelow(path: string, roots: readonly string[]): boolean {
  return roots.some((root) => path === root || (path.startsWith(root) && path[root.length] === "/"));
}
