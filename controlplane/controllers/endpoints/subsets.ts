import type { EndpointAddress, EndpointSubset, Pod, Service } from "#api/generated/types.js";
import { isPodReady } from "#api/pod-state.js";
import { servedPorts } from "../service-endpoints/pod-ports.js";
import { hostnameOf, isReachable } from "../service-endpoints/service-pods.js";

/** Beyond so many addresses an Endpoints object is cut and annotated as over capacity. */
export const CAPACITY = 1000;

interface Group {
  ready: EndpointAddress[];
  notReady: EndpointAddress[];
  ports: EndpointSubset["ports"];
}

function addressOf(service: Service, pod: Pod): EndpointAddress {
  const { name, namespace, uid } = pod.metadata;
  const address: EndpointAddress = {
    ip: pod.status?.podIP ?? "",
    nodeName: pod.spec.nodeName,
    targetRef: { kind: "Pod", namespace, name, uid },
  };
  const hostname = hostnameOf(pod, service);
  if (hostname) address.hostname = hostname;
  return address;
}

const byIp = (a: EndpointAddress, b: EndpointAddress) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : 0);

/** The subsets of a Service's Endpoints: one for each different list of ports, addresses sorted. */
export function endpointSubsets(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const publishAll = service.spec.publishNotReadyAddresses === true;
  const groups = new Map<string, Group>();
  let total = 0;
  for (const pod of pods) {
    if (!isReachable(pod) || (pod.metadata.deletionTimestamp && !publishAll)) continue;
    if (total++ >= CAPACITY) break;
    const ports = servedPorts(pod, service.spec.ports ?? []).map(({ name, ...port }) =>
      name ? { name, ...port } : port,
    );
    if (ports.length === 0 && service.spec.ports?.length) continue;
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ready: [], notReady: [], ports: ports.length > 0 ? ports : undefined };
    (publishAll || isPodReady(pod) ? group.ready : group.notReady).push(addressOf(service, pod));
    groups.set(key, group);
  }
  return [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { ready, notReady, ports }]) => ({
      addresses: ready.length > 0 ? ready.sort(byIp) : undefined,
      notReadyAddresses: notReady.length > 0 ? notReady.sort(byIp) : undefined,
      ports,
    }));
}
