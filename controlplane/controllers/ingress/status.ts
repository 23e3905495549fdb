import type { Ingress, IngressLoadBalancerIngress, Pod } from "#api/generated/types.js";
import { isPodReady } from "#api/pod-state.js";
import { semanticEqual } from "#api/semantic-equal.js";

/** Where requests are taken: the addresses of nodes with a proxy that is ready. */
export function proxyAddresses(pods: readonly Pod[]): IngressLoadBalancerIngress[] {
  const ready = pods.filter((pod) => isPodReady(pod) && !pod.metadata.deletionTimestamp);
  const ips = ready.flatMap(({ status }) => (status?.hostIP ? [status.hostIP] : []));
  return [...new Set(ips)].sort().map((ip) => ({ ip }));
}

export function hasAddresses({ status }: Ingress, addresses: readonly IngressLoadBalancerIngress[]): boolean {
  return semanticEqual(status?.loadBalancer?.ingress ?? [], addresses);
}
