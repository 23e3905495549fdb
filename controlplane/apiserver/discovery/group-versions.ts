/** Everything the server serves, arranged as discovery tells it: by group, version, resource and subresource. */
import { type ActionSubresource, isWritable, type Kind } from "#resources/kind.js";
import type { ResourceInfo } from "../request-info.js";
import type { ResourceTable, VirtualResource } from "../resource-table.js";

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface DiscoveredSubresource {
  readonly name: string;
  /** What it answers with. */
  readonly responseKind: GroupVersionKind;
  readonly verbs: readonly string[];
}

export interface DiscoveredResource {
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly responseKind: GroupVersionKind;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly subresources: readonly DiscoveredSubresource[];
}

export interface DiscoveredVersion {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly DiscoveredResource[];
}

/** A subresource that is served outside of the verbs: log, exec, token. */
export interface RoutedSubresource extends DiscoveredSubresource {
  readonly group: string;
  readonly plural: string;
}

const OBJECT_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const VIEW_VERBS = ["get", "list", "watch"];
const COMPUTED_VERBS = ["get", "list"];
const PART_VERBS = ["get", "patch", "update"];

/** Core first, then the groups by name. */
export function groupVersions(table: ResourceTable, routed: readonly RoutedSubresource[]): DiscoveredVersion[] {
  const versions = new Map<string, { group: string; version: string; resources: DiscoveredResource[] }>();
  const add = (of: { group: string; version: string }, resource: DiscoveredResource) => {
    const key = `${of.group}/${of.version}`;
    const known = versions.get(key) ?? { group: of.group, version: of.version, resources: [] };
    known.resources.push(resource);
    versions.set(key, known);
  };
  for (const kind of table.kinds) add(kind, kindResource(kind, routed));
  for (const virtual of table.virtuals) add(virtual, virtualResource(virtual));
  const byName = (a: { plural: string }, b: { plural: string }) => (a.plural < b.plural ? -1 : 1);
  for (const { resources } of versions.values()) resources.sort(byName);
  return [...versions.values()].sort((a, b) => (a.group < b.group ? -1 : 1));
}

/** Tells whether a resource, and the subresource of it that is named, is one of these. */
export function servedResources(versions: readonly DiscoveredVersion[]): (resource: ResourceInfo) => boolean {
  const names = new Set<string>();
  for (const { group, version, resources } of versions) {
    for (const { plural, subresources } of resources) {
      names.add(`${group}/${version}/${plural}/`);
      for (const { name } of subresources) names.add(`${group}/${version}/${plural}/${name}`);
    }
  }
  return ({ group, version, plural, subresource = "" }) => names.has(`${group}/${version}/${plural}/${subresource}`);
}

function kindResource(kind: Kind, routed: readonly RoutedSubresource[]): DiscoveredResource {
  const { group, version, plural, singular, namespaced, shortNames, categories } = kind;
  const responseKind = { group, version, kind: kind.kind };
  const subresources: DiscoveredSubresource[] = [];
  if (kind.subresources?.status) subresources.push({ name: "status", responseKind, verbs: PART_VERBS });
  for (const name of Object.keys(kind.subresources?.parts ?? {})) {
    subresources.push({ name, responseKind, verbs: PART_VERBS });
  }
  if (kind.subresources?.scale) {
    const scale = { group: "autoscaling", version: "v1", kind: "Scale" };
    subresources.push({ name: "scale", responseKind: scale, verbs: PART_VERBS });
  }
  for (const [name, action] of Object.entries(kind.subresources?.actions ?? {})) {
    subresources.push(actionSubresource(name, action));
  }
  subresources.push(...routed.filter((one) => one.group === group && one.plural === plural));
  subresources.sort((a, b) => (a.name < b.name ? -1 : 1));
  const verbs = kind.computed ? COMPUTED_VERBS : isWritable(kind) ? OBJECT_VERBS : VIEW_VERBS;
  return { plural, singular, namespaced, responseKind, verbs, shortNames, categories, subresources };
}

function actionSubresource(name: string, action: ActionSubresource<never>): DiscoveredSubresource {
  const responseKind = { group: action.bodyGroup, version: action.bodyVersion, kind: action.bodyKind };
  return { name, responseKind, verbs: [action.method === "PUT" ? "update" : "create"] };
}

function virtualResource({ group, version, plural, singular, namespaced, kind }: VirtualResource): DiscoveredResource {
  return {
    plural,
    singular,
    namespaced,
    responseKind: { group, version, kind },
    verbs: ["create"],
    subresources: [],
  };
}
