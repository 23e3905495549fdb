import { isDeepStrictEqual } from "node:util";
import type { ContainerImage, Node, NodeStatus } from "#api/generated/types.js";
import type { ResourceList } from "./capacity.js";
import { type NodeHealth, nodeConditions } from "./conditions.js";
import type { FixedStatus } from "./node-object.js";

export interface NodeObservation {
  fixed: FixedStatus;
  health: NodeHealth;
  images: ContainerImage[];
}

/**
 * The part of the Node's status that has to be written, as the body of a strategic merge patch; undefined when nothing but
 * the heartbeat would change and `heartbeat` is not asked for. Conditions of others are left alone.
 * @param now RFC 3339
 */
export function statusPatch(node: Node, seen: NodeObservation, now: string, heartbeat: boolean): object | undefined {
  const old = node.status ?? {};
  const conditions = nodeConditions(seen.health, old.conditions ?? [], now);
  const extended = extendedResources(old.capacity, seen.fixed.capacity);
  const wanted: NodeStatus = {
    ...seen.fixed,
    capacity: { ...extended, ...seen.fixed.capacity },
    allocatable: { ...extended, ...seen.fixed.allocatable },
    images: seen.images,
  };
  const changed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(wanted) as [keyof NodeStatus, unknown][]) {
    if (!sameValue(old[key] ?? (Array.isArray(value) ? [] : undefined), value)) changed[key] = value;
  }
  for (const list of ["capacity", "allocatable"] as const)
    if (changed[list]) changed[list] = { ...withdrawn(old[list], wanted[list]), ...wanted[list] };
  if (changed["addresses"]) changed["addresses"] = replaced(seen.fixed.addresses);
  if (!heartbeat && Object.keys(changed).length === 0 && !conditionsChanged(old, conditions)) return undefined;
  return { status: { ...changed, conditions } };
}

/**
 * What others say that the node has besides, all of it for Pods.
 * https://kubernetes.io/docs/tasks/administer-cluster/extended-resource-node/
 */
function extendedResources(known: ResourceList = {}, own: ResourceList): ResourceList {
  return Object.fromEntries(Object.entries(known).filter(([name]) => !(name in own) && name.includes("/")));
}

/** A merge keeps what it is not told of: what is no longer there is taken away by name. */
function withdrawn(known: ResourceList = {}, wanted: ResourceList = {}): Record<string, null> {
  const gone = Object.keys(known).filter((name) => !(name in wanted));
  return Object.fromEntries(gone.map((name) => [name, null]));
}

/** As JSON sees it: an absent field and an undefined one are the same. */
const sameValue = (a: unknown, b: unknown) => isDeepStrictEqual(a, b) || JSON.stringify(a) === JSON.stringify(b);

/** Addresses merge by type, of which one may come twice: the list is replaced as a whole. */
const replaced = (addresses: FixedStatus["addresses"]) => [...addresses, { $patch: "replace" }];

function conditionsChanged(old: NodeStatus, conditions: NonNullable<NodeStatus["conditions"]>): boolean {
  return conditions.some(({ type, status, reason, message }) => {
    const known = old.conditions?.find((condition) => condition.type === type);
    return known?.status !== status || known.reason !== reason || known.message !== message;
  });
}
