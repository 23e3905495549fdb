/**
 * The discovery documents, in the older form (one per group version) and the aggregated one.
 * https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
 */
import { groupVersion } from "#api/resource.js";
import type { DiscoveredResource, DiscoveredVersion, GroupVersionKind } from "./group-versions.js";

export function apiVersions(versions: readonly DiscoveredVersion[], address: string): object {
  return {
    kind: "APIVersions",
    versions: versions.filter(({ group }) => group === "").map(({ version }) => version),
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: address }],
  };
}

export function apiGroupList(versions: readonly DiscoveredVersion[]): object {
  const names = [...new Set(versions.map(({ group }) => group))].filter(Boolean);
  return { kind: "APIGroupList", apiVersion: "v1", groups: names.map((name) => apiGroup(versions, name)) };
}

/** The APIGroup without its own kind, as it stands in an APIGroupList. */
export function apiGroup(versions: readonly DiscoveredVersion[], name: string): object {
  const own = versions
    .filter(({ group }) => group === name)
    .map(({ group, version }) => ({ groupVersion: groupVersion({ group, version }), version }));
  return { name, versions: own, preferredVersion: own[0] };
}

export function apiResourceList({ group, version, resources }: DiscoveredVersion): object {
  const entries = resources.flatMap((resource) => [
    {
      name: resource.plural,
      singularName: resource.singular,
      namespaced: resource.namespaced,
      kind: resource.responseKind.kind,
      verbs: resource.verbs,
      shortNames: resource.shortNames,
      categories: resource.categories,
    },
    ...resource.subresources.map(({ name, responseKind, verbs }) => ({
      name: `${resource.plural}/${name}`,
      singularName: "",
      namespaced: resource.namespaced,
      ...foreignKind(responseKind, { group, version }),
      kind: responseKind.kind,
      verbs,
    })),
  ]);
  const list = groupVersion({ group, version });
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: list, resources: entries };
}

/** Named only where it differs from the list's own. */
function foreignKind(kind: GroupVersionKind, own: { group: string; version: string }): object {
  if (kind.group === own.group && kind.version === own.version) return {};
  return { group: kind.group, version: kind.version };
}

/** @param core the core group (for /api) or all others (for /apis) */
export function aggregated(versions: readonly DiscoveredVersion[], core: boolean, apiVersion: string): object {
  const groups = new Map<string, object[]>();
  for (const { group, version, resources } of versions) {
    if ((group === "") !== core) continue;
    const entry = { version, resources: resources.map(aggregatedResource), freshness: "Current" };
    groups.set(group, [...(groups.get(group) ?? []), entry]);
  }
  const items = [...groups].map(([name, list]) => ({ metadata: { name, creationTimestamp: null }, versions: list }));
  return { kind: "APIGroupDiscoveryList", apiVersion, metadata: {}, items };
}

function aggregatedResource(resource: DiscoveredResource): object {
  return {
    resource: resource.plural,
    responseKind: resource.responseKind,
    scope: resource.namespaced ? "Namespaced" : "Cluster",
    singularResource: resource.singular,
    verbs: resource.verbs,
    shortNames: resource.shortNames,
    categories: resource.categories,
    subresources:
      resource.subresources.length === 0
        ? undefined
        : resource.subresources.map(({ name, responseKind, verbs }) => ({ subresource: name, responseKind, verbs })),
  };
}
