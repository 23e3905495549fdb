/**
 * What a request asks for, read off its method and URL alone: no look-up, no pattern matching, since every request comes
 * through here. Shapes: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
 */
import type { Verb } from "./request.js";

export interface RequestInfo {
  /** Without the query, as sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Kubernetes' verb; for a path outside of /api and /apis the lower-case method. */
  readonly verb: Verb | string;
  readonly resource?: ResourceInfo;
}

export interface ResourceInfo {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
  /** What follows the subresource, without the leading slash: only pods/proxy and its like have it. */
  readonly rest?: string;
}

// The subresources of a Namespace itself; everything else below a namespace is in it.
const NAMESPACE_SUBRESOURCES = new Set(["status", "finalize"]);
// kubectl opens these with GET over a WebSocket, older ones with POST: both change the container, so both are "create".
const UPGRADES = new Set(["exec", "attach", "portforward"]);

export function requestInfo(method: string, url: string): RequestInfo {
  const question = url.indexOf("?");
  const path = question < 0 ? url : url.slice(0, question);
  const query = new URLSearchParams(question < 0 ? "" : url.slice(question + 1));
  const resource = resourceInfo(path);
  if (!resource) return { path, query, verb: method.toLowerCase() };
  return { path, query, verb: resourceVerb(method, resource, query), resource };
}

function resourceVerb(method: string, resource: ResourceInfo, query: URLSearchParams): string {
  switch (method) {
    case "GET":
    case "HEAD":
      if (resource.subresource !== undefined && UPGRADES.has(resource.subresource)) return "create";
      if (resource.name !== undefined) return "get";
      return isTrue(query.get("watch")) ? "watch" : "list";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return resource.name === undefined ? "deletecollection" : "delete";
    default:
      return method.toLowerCase();
  }
}

const isTrue = (value: string | null) => value === "true" || value === "1" || value === "";

function resourceInfo(path: string): ResourceInfo | undefined {
  const parts = path.split("/");
  if (parts[parts.length - 1] === "") parts.pop();
  const core = parts[1] === "api";
  if (!core && parts[1] !== "apis") return undefined;
  let at = core ? 3 : 4;
  if (parts.length <= at) return undefined;
  const group = core ? "" : parts[2]!;
  const version = parts[at - 1]!;
  let namespace: string | undefined;
  if (parts[at] === "namespaces" && parts.length > at + 2) {
    const isNamespaceItself = parts.length === at + 3 && NAMESPACE_SUBRESOURCES.has(parts[at + 2]!);
    if (!isNamespaceItself) {
      namespace = decode(parts[at + 1]!);
      at += 2;
    }
  }
  return {
    group,
    version,
    plural: parts[at]!,
    namespace,
    name: parts.length > at + 1 ? decode(parts[at + 1]!) : undefined,
    subresource: parts[at + 2],
    rest: parts.length > at + 3 ? parts.slice(at + 3).join("/") : undefined,
  };
}

/** A name with a broken escape cannot exist; it goes on as it is and is not found. */
function decode(part: string): string {
  if (!part.includes("%")) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
