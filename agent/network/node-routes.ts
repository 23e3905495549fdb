/** host-gw: pods of another node are reached through that node's address, when it is on a network of ours. Pure decisions. */
import type { Node } from "#api/generated/types.js";
import { contains, formatPrefix, networkOf, overlaps, parseAddress, parsePrefix } from "#cni/lib/addresses.js";
import { isIpv6, type NetworkRanges, ROUTE_PROTOCOL } from "./plan.js";

export interface NodeRoutes {
  /** Destination prefix → gateway. */
  routes: ReadonlyMap<string, string>;
  /** One sentence for each node whose pods cannot be reached. */
  problems: readonly string[];
}

/** The pod ranges a node was given. */
export function podCIDRsOf(node: Node): readonly string[] {
  return node.spec.podCIDRs ?? (node.spec.podCIDR ? [node.spec.podCIDR] : []);
}

/** @param onLink prefixes of the networks this node is on ("192.168.7.5/24") */
export function planNodeRoutes(
  nodeName: string,
  nodes: readonly Node[],
  onLink: readonly string[],
  ranges: NetworkRanges,
): NodeRoutes {
  const routes = new Map<string, string>();
  const problems: string[] = [];
  const own = nodes.find((node) => node.metadata.name === nodeName);
  const pods = ranges.podCIDRs.map(parsePrefix);
  const sorted = [...nodes].sort((a, b) => ((a.metadata.name ?? "") < (b.metadata.name ?? "") ? -1 : 1));
  for (const node of sorted.filter((candidate) => candidate.metadata.name !== nodeName)) {
    for (const cidr of podCIDRsOf(node)) {
      const { metadata } = node;
      const prefix = parsePrefix(cidr);
      const gateway = internalIPs(node).find((ip) => isIpv6(ip) === isIpv6(cidr));
      if (!pods.some((range) => range.length <= prefix.length && overlaps(range, prefix)))
        problems.push(`node ${metadata.name}: its pod range ${cidr} is outside of the cluster's`);
      else if (own && podCIDRsOf(own).some((mine) => overlaps(parsePrefix(mine), prefix)))
        problems.push(`node ${metadata.name}: its pod range ${cidr} overlaps with this node's`);
      else if (!gateway) problems.push(`node ${metadata.name} has no address for its pod range ${cidr}`);
      else if (!onLink.some((network) => contains(parsePrefix(network), parseAddress(gateway))))
        problems.push(`node ${metadata.name} (${gateway}) is on no network of this node: its pods cannot be reached`);
      else routes.set(formatPrefix(networkOf(prefix)), gateway);
    }
  }
  return { routes, problems };
}

function internalIPs(node: Node): string[] {
  return (node.status?.addresses ?? []).filter(({ type }) => type === "InternalIP").map(({ address }) => address);
}

/** `ip` commands that lead from the routes there are to those there should be. */
export function routeChanges(present: ReadonlyMap<string, string>, wanted: ReadonlyMap<string, string>): string[] {
  const gone = [...present.keys()].filter((cidr) => !wanted.has(cidr));
  const changed = [...wanted].filter(([cidr, gateway]) => present.get(cidr) !== gateway);
  return [
    ...gone.map((cidr) => `route del ${cidr} proto ${ROUTE_PROTOCOL}`),
    ...changed.map(([cidr, gateway]) => `route replace ${cidr} via ${gateway} proto ${ROUTE_PROTOCOL}`),
  ];
}
