import type { Endpoint, EndpointSlice, Pod, Service } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { endpointSlices, services } from "#api/refs.js";
import { groupVersion } from "#api/resource.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { controllerReference } from "../ownership/owner-reference.js";
import { type ServedPort, servedPorts } from "../service-endpoints/pod-ports.js";
import { HEADLESS_LABEL, isHeadless, isReachable, TRIGGER_TIME } from "../service-endpoints/service-pods.js";
import { type AddressType, endpointOf, familyOf, podAddress } from "./endpoint.js";
import { fillSlices } from "./fill.js";
import { withHints } from "./hints.js";

export const SERVICE_NAME = "kubernetes.io/service-name";
export const MANAGED_BY = "endpointslice.kubernetes.io/managed-by";
export const MANAGER = "endpointslice-controller.k8s.io";

export interface SlicesState {
  service: Service;
  /** The Pods it selects. */
  pods: readonly Pod[];
  /** The slices this controller made for it. */
  slices: readonly EndpointSlice[];
  zoneOf(nodeName: string): string | undefined;
  /** Milli-CPU of the ready nodes of each zone; undefined when a node is in none. */
  zoneCpu?: ReadonlyMap<string, number>;
  /** RFC 3339 time to note as the cause of a change; see `endpoints.kubernetes.io/last-change-trigger-time`. */
  triggerTime?: string;
}

export interface SlicesPlan {
  create: Draft<EndpointSlice>[];
  update: EndpointSlice[];
  delete: EndpointSlice[];
}

/** Endpoints that share one list of ports, and so may share slices. */
interface PortGroup {
  addressType: AddressType;
  ports: ServedPort[];
  endpoints: Endpoint[];
}

const groupKey = (addressType: string, ports: unknown) => `${addressType} ${JSON.stringify(ports)}`;

/** Changes as few slices as possible: an endpoint stays where it is, new ones fill slices that change or have room. */
export function planSlices(state: SlicesState): SlicesPlan {
  const { service, slices } = state;
  const wanted = portGroups(state);
  const existing = new Map<string, EndpointSlice[]>();
  for (const slice of slices) {
    const key = groupKey(slice.addressType, slice.ports?.map(plainPort) ?? []);
    existing.set(key, [...(existing.get(key) ?? []), slice]);
  }
  const plan: SlicesPlan = { create: [], update: [], delete: [] };
  for (const [key, group] of wanted) {
    const filled = fillSlices(existing.get(key) ?? [], group.endpoints);
    existing.delete(key);
    plan.delete.push(...filled.empty);
    for (const { slice, endpoints } of filled.kept) {
      const updated = { ...slice, metadata: sliceMetadata(slice, state), endpoints };
      if (endpoints !== slice.endpoints || !sameLabels(slice, service))
        plan.update.push(stamped(updated, state.triggerTime));
    }
    for (const endpoints of filled.added) plan.create.push(newSlice(state, group, endpoints));
  }
  for (const slice of [...existing.values()].flat()) plan.delete.push(slice);
  return reuseSlices(plan, state);
}

/** A slice that would go takes the content of one that would come: readers see one change instead of two. */
function reuseSlices(plan: SlicesPlan, state: SlicesState): SlicesPlan {
  const created = plan.create.filter((draft) => {
    const reused = plan.delete.find((slice) => slice.addressType === draft.addressType);
    if (!reused) return true;
    plan.delete.splice(plan.delete.indexOf(reused), 1);
    const { endpoints, ports } = draft;
    const updated = { ...reused, metadata: sliceMetadata(reused, state), endpoints, ports };
    plan.update.push(stamped(updated, state.triggerTime));
    return false;
  });
  return { ...plan, create: created };
}

const plainPort = ({ name = "", port = 0, protocol = "TCP", appProtocol }: Partial<ServedPort>): ServedPort =>
  appProtocol ? { name, port, protocol, appProtocol } : { name, port, protocol };

function families(service: Service): AddressType[] {
  if (service.spec.ipFamilies?.length) return service.spec.ipFamilies as AddressType[];
  const addresses = (service.spec.clusterIPs ?? []).filter((address) => address !== "None" && address !== "");
  return addresses.length > 0 ? addresses.map(familyOf) : ["IPv4"];
}

function portGroups({ service, pods, zoneOf, zoneCpu }: SlicesState): Map<string, PortGroup> {
  const groups = new Map<string, PortGroup>();
  for (const addressType of families(service)) {
    const before = groups.size;
    for (const pod of pods.filter(isReachable)) {
      const address = podAddress(pod, addressType);
      if (!address) continue;
      const ports = servedPorts(pod, service.spec.ports ?? []);
      const key = groupKey(addressType, ports);
      const group = groups.get(key) ?? { addressType, ports, endpoints: [] };
      group.endpoints.push(endpointOf(service, pod, address, zoneOf(pod.spec.nodeName ?? "")));
      groups.set(key, group);
    }
    // A Service without endpoints has one empty slice: it tells "none" from "not looked at yet".
    if (groups.size === before) groups.set(groupKey(addressType, []), { addressType, ports: [], endpoints: [] });
  }
  for (const group of groups.values()) group.endpoints = withHints(service, group.endpoints, zoneCpu);
  return groups;
}

function labelsFor(service: Service): Record<string, string> {
  const { [HEADLESS_LABEL]: _, ...own } = service.metadata.labels ?? {};
  const labels: Record<string, string> = { ...own, [SERVICE_NAME]: service.metadata.name, [MANAGED_BY]: MANAGER };
  if (isHeadless(service)) labels[HEADLESS_LABEL] = "";
  return labels;
}

const sameLabels = (slice: EndpointSlice, service: Service) => semanticEqual(slice.metadata.labels, labelsFor(service));

const sliceMetadata = (slice: EndpointSlice, { service }: SlicesState) => ({
  ...slice.metadata,
  labels: labelsFor(service),
});

function stamped<T extends { metadata: { annotations?: Record<string, string> } }>(object: T, time?: string): T {
  const { [TRIGGER_TIME]: _, ...annotations } = object.metadata.annotations ?? {};
  if (time) annotations[TRIGGER_TIME] = time;
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function newSlice(state: SlicesState, group: PortGroup, endpoints: Endpoint[]): Draft<EndpointSlice> {
  const { service, triggerTime } = state;
  const draft: Draft<EndpointSlice> = {
    apiVersion: groupVersion(endpointSlices),
    kind: endpointSlices.kind,
    metadata: {
      generateName: `${service.metadata.name}-`,
      namespace: service.metadata.namespace,
      labels: labelsFor(service),
      ownerReferences: [controllerReference(services, service)],
    },
    addressType: group.addressType,
    endpoints,
    ports: group.ports,
  };
  return triggerTime ? stamped(draft, triggerTime) : draft;
}
