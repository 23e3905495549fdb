/**
 * The built-in load balancer: every node takes a Service's port on its own address, and the Service's status says which do.
 * Services with a loadBalancerClass are left to whoever knows that class.
 */
import type { EndpointSlice, Node, Service } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { endpointSlices, nodes, services } from "#api/refs.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { balancedPorts, EXCLUDED, isBalanced, planBalancer } from "./service-lb/plan.js";

const API_SERVICE = "default/kubernetes";

const serviceOf = ({ metadata }: EndpointSlice): readonly string[] => [
  `${metadata.namespace}/${metadata.labels?.["kubernetes.io/service-name"]}`,
];

export function serviceBalancerController(): Controller {
  /** What each service's owner was told last. */
  const told = new Map<string, string>();
  return {
    name: "service-lb",
    component: "service-controller",
    watches: [
      watch({ ref: services, indexes: { balancedPorts }, keys: withRivals }),
      watch({ ref: endpointSlices, indexes: { serviceOf }, keys: localServices }),
      watch({ ref: nodes, keys: allOnChangedNode }),
    ],
    async reconcile(key, context) {
      const service = context.informer(services).get(key);
      if (!service || !isBalanced(service)) {
        told.delete(key);
        return undefined;
      }
      const { addresses, refusals } = planBalancer(service, {
        nodes: context.informer(nodes).list(),
        rivals: rivalsOf(service, context),
        slices: context.informer(endpointSlices).byIndex("serviceOf", key),
        apiServers: apiServers(context),
      });
      const text = refusals.join("; ");
      if (text && told.get(key) !== text) context.event(service, "Warning", "LoadBalancerPortTaken", text);
      told.set(key, text);
      await publish(service, addresses, context);
      return undefined;
    },
  };
}

async function publish(service: Service, addresses: readonly string[], context: ControllerContext): Promise<void> {
  const { name, namespace, uid } = service.metadata;
  const before = service.status?.loadBalancer?.ingress ?? [];
  const ingress = addresses.map((ip) => ({ ip, ipMode: "VIP" }));
  if (semanticEqual(before, ingress)) return;
  const body = { metadata: { uid }, status: { loadBalancer: { ingress } } };
  const patch = { type: "application/merge-patch+json", body } as const;
  await context.client.patch(services, name, patch, { namespace, subresource: "status" });
  if (before.length === 0) context.event(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer");
  else context.event(service, "Normal", "UpdatedLoadBalancer", "Updated load balancer with new hosts");
}

function rivalsOf(service: Service, { informer }: ControllerContext): Service[] {
  return balancedPorts(service).flatMap((port) => informer(services).byIndex("balancedPorts", port));
}

/** A service's ports, those it had too, may be what another one waits for. */
function withRivals(service: Service, context: ControllerContext, old?: Service): string[] {
  if (!isBalanced(service) && !(old && isBalanced(old))) return [];
  const rivals = [service, ...(old ? [old] : [])].flatMap((one) => rivalsOf(one, context));
  return [...new Set([keyOf(service), ...rivals.map(keyOf)])];
}

function localServices(slice: EndpointSlice, { informer }: ControllerContext): string[] {
  const service = informer(services).get(serviceOf(slice)[0] ?? "");
  return service && isBalanced(service) && service.spec.externalTrafficPolicy === "Local" ? [keyOf(service)] : [];
}

function apiServers({ informer }: ControllerContext): Set<string> {
  const slices = informer(endpointSlices).byIndex("serviceOf", API_SERVICE);
  return new Set(
    slices.flatMap(({ endpoints = [], ports = [] }) =>
      endpoints.flatMap(({ addresses }) => addresses.flatMap((ip) => (ports ?? []).map(({ port }) => `${ip}:${port}`))),
    ),
  );
}

function facts({ metadata, spec, status }: Node): string {
  const ready = status?.conditions?.find(({ type }) => type === "Ready")?.status;
  const leaving = metadata.deletionTimestamp;
  return JSON.stringify([ready, spec.unschedulable, metadata.labels?.[EXCLUDED], leaving, status?.addresses]);
}

function allOnChangedNode(node: Node, { informer }: ControllerContext, old?: Node): string[] {
  if (old && facts(old) === facts(node)) return [];
  return informer(services).list().filter(isBalanced).map(keyOf);
}
