/** Which services have what. */
import type { Service } from "#api/generated/types.js";

export const NONE = "None";

export const isHeadless = ({ spec }: Service) => spec.clusterIP === NONE || spec.clusterIPs?.[0] === NONE;
export const needsClusterIP = ({ spec }: Service) => spec.type !== "ExternalName";

export function needsNodePort({ spec }: Service): boolean {
  return spec.type === "NodePort" || (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false);
}

/** Reached from outside the cluster: by a load balancer, a node port or an external IP. */
export function isExternal({ spec }: Service): boolean {
  if (spec.type === "LoadBalancer" || spec.type === "NodePort") return true;
  return spec.type === "ClusterIP" && (spec.externalIPs?.length ?? 0) > 0;
}

export const needsHealthCheckPort = ({ spec }: Service) =>
  spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";
