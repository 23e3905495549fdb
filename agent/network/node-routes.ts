/**
 * How pods of other nodes are reached: through the node's address when it is on a network of ours (host-gw), otherwise through the
 * tunnel. Decided for each node, so that both kinds live in one cluster. Pure decisions.
 */
import type { Node } from "#api/generated/types.js";
import {
  contains,
  formatPrefix,
  networkOf,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
  withoutPrefix,
} from "#cni/lib/addresses.js";
import type { RouteJson } from "#cni/lib/ip-command.js";
import { gatewayOf, isIpv6, type NetworkRanges, ROUTE_PROTOCOL, VXLAN_LINK } from "./plan.js";

export interface NodeRoutes {
  /** Destination prefix → how `ip route` says the way there. */
  routes: ReadonlyMap<string, string>;
  /** Nodes behind the tunnel: gateway of their pods → their address. */
  tunnelled: ReadonlyMap<string, string>;
  /** One sentence for each node whose pods cannot be reached. */
  problems: readonly string[];
}

export interface OwnPlace {
  nodeName: string;
  /** The addresses this node is known by. */
  addresses: readonly string[];
  /** Prefixes of the networks this node is on ("192.168.7.5/24"). */
  onLink: readonly string[];
}

/** The pod ranges a node was given. */
export function podCIDRsOf(node: Node): readonly string[] {
  return node.spec.podCIDRs ?? (node.spec.podCIDR ? [node.spec.podCIDR] : []);
}

export function planNodeRoutes(place: OwnPlace, nodes: readonly Node[], ranges: NetworkRanges): NodeRoutes {
  const plan = { routes: new Map<string, string>(), tunnelled: new Map<string, string>(), problems: [] as string[] };
  const own = nodes.find((node) => node.metadata.name === place.nodeName);
  const ownCIDRs = own ? podCIDRsOf(own) : [];
  const claims = new Claims(ranges, ownCIDRs);
  for (const node of byAge(nodes).filter(({ metadata }) => metadata.name !== place.nodeName)) {
    for (const cidr of podCIDRsOf(node)) {
      const refusal = claims.claim(node, cidr);
      const way = refusal === undefined ? wayTo(place, node, cidr, ownCIDRs) : { problem: refusal };
      if ("problem" in way) plan.problems.push(`node ${node.metadata.name}${way.problem}`);
      else {
        plan.routes.set(formatPrefix(networkOf(parsePrefix(cidr))), way.route);
        if (way.tunnel) plan.tunnelled.set(...way.tunnel);
      }
    }
  }
  return plan;
}

/** Oldest first: of two nodes with one range, the one that had it keeps it. */
function byAge(nodes: readonly Node[]): Node[] {
  const age = ({ metadata }: Node) => `${metadata.creationTimestamp ?? ""} ${metadata.name}`;
  return [...nodes].sort((a, b) => (age(a) < age(b) ? -1 : 1));
}

/** Who has which range: each must be of the cluster's, and nobody else's. */
class Claims {
  readonly #taken: { prefix: Prefix; by: string }[];
  readonly #cluster: readonly Prefix[];

  constructor(ranges: NetworkRanges, ownCIDRs: readonly string[]) {
    this.#cluster = ranges.podCIDRs.map(parsePrefix);
    this.#taken = ownCIDRs.map((cidr) => ({ prefix: parsePrefix(cidr), by: "this node's" }));
  }

  /** @returns why not */
  claim(node: Node, cidr: string): string | undefined {
    const prefix = parsePrefix(cidr);
    if (!this.#cluster.some((range) => range.length <= prefix.length && overlaps(range, prefix)))
      return `: its pod range ${cidr} is outside of the cluster's`;
    const other = this.#taken.find((claim) => overlaps(claim.prefix, prefix));
    if (other) return `: its pod range ${cidr} overlaps with ${other.by}`;
    this.#taken.push({ prefix, by: `that of node ${node.metadata.name}` });
    return undefined;
  }
}

type Way = { route: string; tunnel?: [gateway: string, node: string] } | { problem: string };

function wayTo({ addresses, onLink }: OwnPlace, node: Node, cidr: string, ownCIDRs: readonly string[]): Way {
  const theirs = internalIPs(node);
  const neighbour = theirs.find((ip) => isIpv6(ip) === isIpv6(cidr) && isOnLink(ip, onLink));
  if (neighbour) return { route: `via ${neighbour}` };
  if (theirs.length === 0) return { problem: " has no address" };
  const local = addresses[0] ?? "";
  const remote = theirs.find((ip) => isIpv6(ip) === isIpv6(local));
  if (!remote)
    return {
      problem: ` (${theirs.join(", ")}) has no address of the kind this node has (${local}): no tunnel can be made`,
    };
  const source = ownCIDRs.find((own) => isIpv6(own) === isIpv6(cidr));
  if (source === undefined) return { problem: ": this node has no pod range to send from yet" };
  const gateway = withoutPrefix(gatewayOf(cidr));
  return { route: throughTunnel(gateway, withoutPrefix(gatewayOf(source))), tunnel: [gateway, remote] };
}

const isOnLink = (ip: string, onLink: readonly string[]) =>
  onLink.some((network) => contains(parsePrefix(network), parseAddress(ip)));

/** What the node itself sends comes from its pods' gateway: an answer to its outer address would come back unpacked. */
const throughTunnel = (gateway: string, source: string) => `via ${gateway} dev ${VXLAN_LINK} onlink src ${source}`;

function internalIPs(node: Node): string[] {
  return (node.status?.addresses ?? []).filter(({ type }) => type === "InternalIP").map(({ address }) => address);
}

/** The way a route that is there takes, in the words of the plan; undefined for the guards, which lead to no node. */
export function wayOf({ gateway, dev, prefsrc }: RouteJson): string | undefined {
  if (!gateway) return undefined;
  return dev === VXLAN_LINK ? throughTunnel(gateway, prefsrc ?? "") : `via ${gateway}`;
}

/** `ip` commands that lead from the routes there are to those there should be. */
export function routeChanges(present: ReadonlyMap<string, string>, wanted: ReadonlyMap<string, string>): string[] {
  const gone = [...present.keys()].filter((cidr) => !wanted.has(cidr));
  const changed = [...wanted].filter(([cidr, way]) => present.get(cidr) !== way);
  return [
    ...gone.map((cidr) => `route del ${cidr} proto ${ROUTE_PROTOCOL}`),
    ...changed.map(([cidr, way]) => `route replace ${cidr} ${way} proto ${ROUTE_PROTOCOL}`),
  ];
}
