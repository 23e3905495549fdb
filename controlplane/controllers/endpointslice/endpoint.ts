import type { Endpoint, Pod, Service } from "#api/generated/types.js";
import { isPodReady } from "#api/pod-state.js";
import { hostnameOf } from "../service-endpoints/service-pods.js";

export type AddressType = "IPv4" | "IPv6";

export const familyOf = (address: string): AddressType => (address.includes(":") ? "IPv6" : "IPv4");

/** The Pod's address of one family. */
export function podAddress(pod: Pod, family: AddressType): string | undefined {
  const addresses = pod.status?.podIPs?.map(({ ip }) => ip) ?? [pod.status?.podIP ?? ""];
  return addresses.find((address) => address !== "" && familyOf(address) === family);
}

/**
 * The endpoint a Pod is for a Service. `serving` follows readiness alone; `ready` ends when the Pod begins to end, unless
 * the Service publishes Pods whatever their state.
 * @param zone of the Pod's node
 */
export function endpointOf(service: Service, pod: Pod, address: string, zone: string | undefined): Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const { name, namespace, uid } = pod.metadata;
  const endpoint: Endpoint = {
    addresses: [address],
    conditions: { ready, serving, terminating },
    nodeName: pod.spec.nodeName,
    targetRef: { kind: "Pod", namespace, name, uid },
  };
  const hostname = hostnameOf(pod, service);
  if (hostname) endpoint.hostname = hostname;
  if (zone) endpoint.zone = zone;
  return endpoint;
}
