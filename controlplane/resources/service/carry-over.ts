/**
 * An update may leave out what the server has allocated, and need not clean up after a change of type: what was allocated
 * is carried over while it is still needed, and dropped when it no longer is.
 */
import { isDeepStrictEqual } from "node:util";
import type { Service, ServiceSpec } from "#api/generated/types.js";
import { isExternal, needsClusterIP, needsHealthCheckPort, needsNodePort } from "./needs.js";

export function carryOver(service: Service, old: Service): void {
  // Whoever stops balancing takes the addresses with it.
  const left = old.spec.type === "LoadBalancer" && service.spec.type !== "LoadBalancer";
  service.status = left ? { ...old.status, loadBalancer: {} } : old.status;
  normalizeClusterIPs(service, old);
  keepAllocated(service, old);
  dropUnneeded(service, old);
}

/** The single address and the list say the same; clients may change either. */
export function normalizeClusterIPs({ spec }: Service, old?: Service): void {
  if (!old) {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  const changed = (spec.clusterIP ?? "") !== (old.spec.clusterIP ?? "");
  const listChanged = !isDeepStrictEqual(spec.clusterIPs ?? [], old.spec.clusterIPs ?? []);
  if (changed && !listChanged) {
    if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP, ...(spec.clusterIPs ?? []).slice(1)];
    else delete spec.clusterIPs;
  } else if (listChanged && !changed && !spec.clusterIPs?.length) delete spec.clusterIP;
}

function keepAllocated(service: Service, old: Service): void {
  const { spec } = service;
  if (needsClusterIP(service) && needsClusterIP(old)) {
    if (!spec.clusterIP && old.spec.clusterIP) spec.clusterIP = old.spec.clusterIP;
    if (!spec.clusterIPs?.length && spec.clusterIP === old.spec.clusterIP && old.spec.clusterIPs)
      spec.clusterIPs = [...old.spec.clusterIPs];
    if (!spec.ipFamilies?.length && old.spec.ipFamilies) spec.ipFamilies = [...old.spec.ipFamilies];
    if (!spec.ipFamilyPolicy && old.spec.ipFamilyPolicy) spec.ipFamilyPolicy = old.spec.ipFamilyPolicy;
  }
  if (needsNodePort(service) && needsNodePort(old)) keepNodePorts(spec, old.spec);
  if (needsHealthCheckPort(service) && needsHealthCheckPort(old) && old.spec.healthCheckNodePort)
    spec.healthCheckNodePort ||= old.spec.healthCheckNodePort;
}

/** By the port's name, since the rest of a port may have changed. */
function keepNodePorts(spec: ServiceSpec, old: ServiceSpec): void {
  const before = new Map(old.ports?.map((port) => [port.name ?? "", port.nodePort]));
  const used = new Set(spec.ports?.map((port) => port.nodePort));
  for (const port of spec.ports ?? []) {
    const nodePort = before.get(port.name ?? "");
    if (port.nodePort || !nodePort || used.has(nodePort)) continue;
    port.nodePort = nodePort;
    used.add(nodePort);
  }
}

/** What a client left as it was, although the new type has no use for it. */
function dropUnneeded(service: Service, old: Service): void {
  const { spec } = service;
  const same = (...fields: (keyof ServiceSpec)[]) => fields.every((f) => isDeepStrictEqual(spec[f], old.spec[f]));
  if (!needsClusterIP(service)) {
    if (same("clusterIP", "clusterIPs")) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    if (same("ipFamilies")) delete spec.ipFamilies;
    if (same("ipFamilyPolicy")) delete spec.ipFamilyPolicy;
  }
  if (needsNodePort(old) && !needsNodePort(service)) {
    const before = new Set(old.spec.ports?.map((port) => port.nodePort));
    if (spec.ports?.every((port) => !port.nodePort || before.has(port.nodePort)))
      for (const port of spec.ports) delete port.nodePort;
  }
  if (needsHealthCheckPort(old) && !needsHealthCheckPort(service) && same("healthCheckNodePort"))
    delete spec.healthCheckNodePort;
  if (isExternal(old) && !isExternal(service) && same("externalTrafficPolicy")) delete spec.externalTrafficPolicy;
  if (spec.type === "LoadBalancer" || old.spec.type !== "LoadBalancer") return;
  if (same("allocateLoadBalancerNodePorts")) delete spec.allocateLoadBalancerNodePorts;
  if (same("loadBalancerClass")) delete spec.loadBalancerClass;
}
