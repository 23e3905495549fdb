/** What EndpointSlices an Endpoints object made by hand becomes. Pure. */
import type { Endpoint, EndpointAddress, EndpointSlice, EndpointSubset, Endpoints } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { endpointSlices, endpoints } from "#api/refs.js";
import { groupVersion } from "#api/resource.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { type AddressType, familyOf } from "../endpointslice/endpoint.js";
import { fillSlices } from "../endpointslice/fill.js";
import { MANAGED_BY, SERVICE_NAME, type SlicesPlan } from "../endpointslice/plan.js";
import { controllerReference } from "../ownership/owner-reference.js";
import { TRIGGER_TIME } from "../service-endpoints/service-pods.js";

export const MIRRORER = "endpointslicemirroring-controller.k8s.io";
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";
/** Beyond so many addresses of one subset the rest is left out. */
const MAX_ADDRESSES = 1000;

interface Mirrored {
  addressType: AddressType;
  ports: NonNullable<EndpointSlice["ports"]>;
  endpoints: Endpoint[];
}

/** @param slices those made for it before */
export function planMirror(object: Endpoints, slices: readonly EndpointSlice[]): SlicesPlan {
  const plan: SlicesPlan = { create: [], update: [], delete: [] };
  const left = new Set(slices);
  for (const [key, wanted] of mirrored(object)) {
    const existing = slices.filter((slice) => keyOfPorts(slice.addressType, slice.ports ?? []) === key);
    for (const slice of existing) left.delete(slice);
    const { kept, added, empty } = fillSlices(existing, wanted.endpoints);
    plan.delete.push(...empty);
    for (const { slice, endpoints: filled } of kept) {
      const metadata = { ...slice.metadata, ...ownMetadata(object) };
      if (filled !== slice.endpoints || !semanticEqual(metadata, slice.metadata))
        plan.update.push({ ...slice, metadata, endpoints: filled });
    }
    for (const filled of added) plan.create.push(newSlice(object, wanted, filled));
  }
  plan.delete.push(...left);
  return plan;
}

const keyOfPorts = (addressType: string, ports: Mirrored["ports"]) =>
  `${addressType} ${JSON.stringify(ports.map(({ name, port, protocol, appProtocol }) => [name, port, protocol, appProtocol]))}`;

/** Subsets with the same ports are one, an address in several of them is one endpoint. */
function mirrored({ subsets = [] }: Endpoints): Map<string, Mirrored> {
  const groups = new Map<string, Mirrored>();
  for (const subset of subsets) {
    for (const { address, ready } of addressesOf(subset)) {
      const addressType = familyOf(address.ip);
      const ports = (subset.ports ?? []).map(({ name = "", port, protocol = "TCP", appProtocol }) =>
        appProtocol ? { name, port, protocol, appProtocol } : { name, port, protocol },
      );
      const key = keyOfPorts(addressType, ports);
      const group = groups.get(key) ?? { addressType, ports, endpoints: [] };
      groups.set(key, group);
      const known = group.endpoints.find(({ addresses }) => addresses[0] === address.ip);
      if (!known) group.endpoints.push(endpointOf(address, ready));
    }
  }
  return groups;
}

function addressesOf({ addresses = [], notReadyAddresses = [] }: EndpointSubset) {
  const all = [
    ...addresses.map((address) => ({ address, ready: true })),
    ...notReadyAddresses.map((address) => ({ address, ready: false })),
  ];
  return all.slice(0, MAX_ADDRESSES);
}

function endpointOf({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  const endpoint: Endpoint = { addresses: [ip], conditions: { ready } };
  if (hostname) endpoint.hostname = hostname;
  if (nodeName) endpoint.nodeName = nodeName;
  if (targetRef) endpoint.targetRef = targetRef;
  return endpoint;
}

function ownMetadata({ metadata }: Endpoints) {
  const { [LAST_APPLIED]: _, [TRIGGER_TIME]: __, ...annotations } = metadata.annotations ?? {};
  return { labels: { ...metadata.labels, [SERVICE_NAME]: metadata.name, [MANAGED_BY]: MIRRORER }, annotations };
}

function newSlice(object: Endpoints, { addressType, ports }: Mirrored, filled: Endpoint[]): Draft<EndpointSlice> {
  const { name, namespace } = object.metadata;
  return {
    apiVersion: groupVersion(endpointSlices),
    kind: endpointSlices.kind,
    metadata: {
      generateName: `${name}-`,
      namespace,
      ownerReferences: [controllerReference(endpoints, object)],
      ...ownMetadata(object),
    },
    addressType,
    endpoints: filled,
    ports,
  };
}
