/** On which nodes' addresses a load balancer's ports are served. Pure. */
import { isIP } from "node:net";
import type { EndpointSlice, Node, Service } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";

export const EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers";
const SSH_PORT = 22;

export interface BalancerState {
  nodes: readonly Node[];
  /** All load balancers of ours that ask for one of the service's ports, the service among them. */
  rivals: readonly Service[];
  /** The service's own. */
  slices: readonly EndpointSlice[];
  /** "address:port" where API servers listen. */
  apiServers: ReadonlySet<string>;
}

export interface BalancerPlan {
  /** In order. */
  addresses: string[];
  /** Why a node that could serve does not, a sentence each. */
  refusals: string[];
}

/** Whether it is ours to balance: a class names somebody else's balancer. */
export const isBalanced = ({ spec }: Service) => spec.type === "LoadBalancer" && spec.loadBalancerClass === undefined;

/** "TCP/80" of each port. Index values. */
export function balancedPorts(service: Service): string[] {
  return isBalanced(service)
    ? (service.spec.ports ?? []).map(({ protocol = "TCP", port }) => `${protocol}/${port}`)
    : [];
}

/**
 * Every node that is ready and takes new Pods, and is not excluded, serves on its own address, unless one of the ports is taken
 * there: by an older service, or by the node's own programs.
 */
export function planBalancer(service: Service, state: BalancerState): BalancerPlan {
  const refusals: string[] = [];
  const addresses: string[] = [];
  const elder = state.rivals.find((rival) => keyOf(rival) !== keyOf(service) && isOlder(rival, service));
  const local = service.spec.externalTrafficPolicy === "Local" ? nodesWithEndpoints(state.slices) : undefined;
  for (const node of state.nodes.filter(isEligible)) {
    if (local && !local.has(node.metadata.name)) continue;
    const own = addressesOf(node).filter((ip) => service.spec.ipFamilies?.includes(familyOf(ip)) ?? true);
    const kept = own.flatMap((ip) => keptPorts(service, node, ip, state));
    if (kept.length > 0) refusals.push(`node ${node.metadata.name} keeps ${kept.join(", ")} for its own programs`);
    else if (!elder) addresses.push(...own);
  }
  if (elder) refusals.push(`service ${keyOf(elder)} has one of its ports on every node`);
  return { addresses: [...new Set(addresses)].sort(), refusals };
}

function isOlder(a: Service, b: Service): boolean {
  const [one, other] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
  return one === other ? keyOf(a) < keyOf(b) : one < other;
}

const familyOf = (ip: string) => (isIP(ip) === 6 ? "IPv6" : "IPv4");

function isEligible({ metadata, spec, status }: Node): boolean {
  const ready = status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
  return ready && !spec.unschedulable && metadata.labels?.[EXCLUDED] === undefined && !metadata.deletionTimestamp;
}

function addressesOf({ status }: Node): string[] {
  return (status?.addresses ?? []).filter(({ type }) => type === "InternalIP").map(({ address }) => address);
}

function keptPorts(service: Service, { status }: Node, ip: string, { apiServers }: BalancerState): string[] {
  const kubelet = status?.daemonEndpoints?.kubeletEndpoint?.Port;
  return (service.spec.ports ?? [])
    .filter(({ protocol = "TCP" }) => protocol === "TCP")
    .filter(({ port }) => port === SSH_PORT || port === kubelet || apiServers.has(`${ip}:${port}`))
    .map(({ port }) => `${ip}:${port}`);
}

/** Those that end still serve, but new clients should go elsewhere. */
function nodesWithEndpoints(slices: readonly EndpointSlice[]): Set<string> {
  const endpoints = slices.flatMap((slice) => slice.endpoints ?? []);
  const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false);
  return new Set(ready.flatMap(({ nodeName }) => (nodeName ? [nodeName] : [])));
}
