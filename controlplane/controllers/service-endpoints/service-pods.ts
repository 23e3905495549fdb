import type { Pod, Service } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { isPodTerminal } from "#api/pod-state.js";
import { services } from "#api/refs.js";
import type { ControllerContext } from "../controller.js";

/** Index values: the namespace, of every object. */
export const namespaceOf = ({ metadata }: { metadata: { namespace?: string } }): readonly string[] => [
  metadata.namespace ?? "",
];

/** The Service has endpoints of its own making: it selects Pods and is no alias for another name. */
export function selectsPods(service: Service): boolean {
  return Object.keys(service.spec.selector ?? {}).length > 0 && service.spec.type !== "ExternalName";
}

export function selectsPod(service: Service, pod: Pod): boolean {
  const labels = pod.metadata.labels ?? {};
  return Object.entries(service.spec.selector ?? {}).every(([key, value]) => labels[key] === value);
}

/** It runs, or is on its way out, under an address: it can be an endpoint. */
export function isReachable(pod: Pod): boolean {
  return Boolean(pod.status?.podIP) && !isPodTerminal(pod);
}

/** What an endpoint is made from; a change of anything else of a Pod concerns no Service. */
function endpointFacts({ metadata, spec, status }: Pod): string {
  const ready = status?.conditions?.find((condition) => condition.type === "Ready")?.status;
  const ips = status?.podIPs?.map(({ ip }) => ip) ?? status?.podIP;
  const { deletionTimestamp, labels } = metadata;
  return JSON.stringify([ready, ips, status?.phase, spec.nodeName, spec.hostname, deletionTimestamp, labels]);
}

/** Keys of the Services that select the Pod, or selected it before this change. */
export function servicesOf(pod: Pod, context: ControllerContext, old?: Pod): string[] {
  if (old && endpointFacts(old) === endpointFacts(pod)) return [];
  const candidates = context.informer(services).byIndex("namespace", pod.metadata.namespace ?? "");
  return candidates
    .filter((service) => selectsPods(service) && (selectsPod(service, pod) || (old && selectsPod(service, old))))
    .map(keyOf);
}

/** `hostname.service.namespace.svc` exists for Pods that ask for it by hostname and subdomain. */
export function hostnameOf(pod: Pod, service: Service): string | undefined {
  return pod.spec.subdomain === service.metadata.name ? pod.spec.hostname : undefined;
}

export const isHeadless = (service: Service) => service.spec.clusterIP === "None";
export const HEADLESS_LABEL = "service.kubernetes.io/headless";
export const TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time";
