import type { KubeObject } from "./object.js";

/**
 * Names one resource type. `T` is the type of its objects; it exists only at compile time.
 * `ref(pods)` style constants live in `refs.ts`, the server's full definitions in `controlplane/resources/`.
 */
export interface ResourceRef<T extends KubeObject = KubeObject> {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  /** Lower-case plural, as in the URL: "pods". */
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** It shows what other resources hold; it can be read and watched, never written. */
  readonly readOnly?: true;
  readonly __object?: T;
}

/** "v1" or "apps/v1". */
export function groupVersion(ref: { group: string; version: string }): string {
  return ref.group ? `${ref.group}/${ref.version}` : ref.version;
}

/** "pods" or "deployments.apps": how Kubernetes names a resource in messages and RBAC. */
export function groupResource(ref: { group: string; plural: string }): string {
  return ref.group ? `${ref.plural}.${ref.group}` : ref.plural;
}

/** The URL path of a collection, an object or a subresource. */
export function resourcePath(ref: ResourceRef, namespace?: string, name?: string, subresource?: string): string {
  const parts = [ref.group ? `/apis/${ref.group}/${ref.version}` : `/api/${ref.version}`];
  if (ref.namespaced && namespace) parts.push("namespaces", encodeURIComponent(namespace));
  parts.push(ref.plural);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (subresource) parts.push(subresource);
  return parts.join("/");
}
