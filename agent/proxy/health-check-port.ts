/**
 * What load balancers ask of `externalTrafficPolicy: Local`: whether this node has endpoints of the service. Answers as
 * kube-proxy does. https://kubernetes.io/docs/tasks/access-application-cluster/create-external-load-balancer/
 */
import { createServer, type Server } from "node:http";
import type { EndpointSlice, Service } from "#api/generated/types.js";
import { isServed } from "./frontends.js";

export interface ServiceHealth {
  namespace: string;
  name: string;
  localEndpoints: number;
}

/** The port a service wants to be asked on, and what is to be answered. Ready endpoints only: new clients should go there. */
export function healthCheckPorts(
  service: Service,
  slices: readonly EndpointSlice[],
  nodeName: string,
): Map<number, ServiceHealth> {
  const { spec, metadata } = service;
  if (!spec.healthCheckNodePort || !isServed(service)) return new Map();
  const here = slices.flatMap((slice) => slice.endpoints ?? []).filter((endpoint) => endpoint.nodeName === nodeName);
  const ready = here.filter(({ conditions }) => conditions?.ready !== false);
  const localEndpoints = new Set(ready.map(({ addresses }) => addresses[0])).size;
  const { namespace = "", name } = metadata;
  return new Map([[spec.healthCheckNodePort, { namespace, name, localEndpoints }]]);
}

export function createHealthCheck(health: () => ServiceHealth): Server {
  return createServer((request, response) => {
    request.resume();
    const { namespace, name, localEndpoints } = health();
    const body = JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy: true });
    response.writeHead(localEndpoints > 0 ? 200 : 503, {
      "Content-Type": "application/json",
      "X-Content-Type-Options": "nosniff",
      "X-Load-Balancing-Endpoint-Weight": String(localEndpoints),
    });
    response.end(body);
  });
}
