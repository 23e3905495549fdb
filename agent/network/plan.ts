/** The ranges a node's network is made of, and the names of what it makes of them. */
import { formatPrefix, networkOf, overlaps, type Prefix, parsePrefix } from "#cni/lib/addresses.js";

/** The bridge of the node's pods, and the link the service range is routed to. */
export const BRIDGE = "berth0";
/** The tunnel to nodes that are on no network of this one. */
export const VXLAN_LINK = "berth-vxlan";
/** A pod's link takes packets of this size, in bytes, from its neighbours on the bridge. */
export const POD_LINK_MTU = 1500;
/** Marks every route of ours (`ip route show proto 119`), so that a restarted agent and `berth reset` know them. */
export const ROUTE_PROTOCOL = "119";
export const GUARD_TABLE = "berth-guard";

export interface NetworkRanges {
  /** Of the whole cluster, one per address family. */
  podCIDRs: readonly string[];
  serviceCIDRs: readonly string[];
}

/** A route or address the host has had before us. */
export interface HostRange {
  cidr: string;
  link: string;
}

/**
 * Says which range cannot be used because the host has a route into it. Default routes, and VPNs' halves of one, do not count.
 * @returns one sentence, or undefined
 */
export function findOverlap(ranges: NetworkRanges, host: readonly HostRange[]): string | undefined {
  const named = [
    ...ranges.podCIDRs.map((cidr) => ["pod range", cidr] as const),
    ...ranges.serviceCIDRs.map((cidr) => ["service range", cidr] as const),
  ];
  for (const [i, [name, cidr]] of named.entries()) {
    const prefix = parsePrefix(cidr);
    if (networkOf(prefix).value !== prefix.value)
      return `${name} ${cidr} has host bits set: write ${formatPrefix(networkOf(prefix))}`;
    const other = named.slice(i + 1).find((later) => overlaps(prefix, parsePrefix(later[1])));
    if (other) return `${name} ${cidr} overlaps with ${other[0]} ${other[1]}`;
    const taken = host.find((range) => isSpecific(range) && overlaps(prefix, parsePrefix(range.cidr)));
    if (taken) return `${name} ${cidr} overlaps with ${taken.cidr} of ${ownerOf(taken.link)}`;
  }
  return undefined;
}

const isSpecific = ({ cidr }: HostRange) => parsePrefix(cidr).length > 1;

function ownerOf(link: string): string {
  if (link === "docker0") return `Docker's network "bridge" (${link})`;
  const network = link.match(/^br-([0-9a-f]{12})$/)?.[1];
  return network ? `Docker's network ${network} (${link})` : `the host's link ${link}`;
}

/** The node's own part of the cluster's range as the prefix of its gateway. */
export function gatewayOf(podCIDR: string): string {
  const prefix: Prefix = networkOf(parsePrefix(podCIDR));
  return formatPrefix({ ...prefix, value: prefix.value + 1n });
}

export const isIpv6 = (text: string) => text.includes(":");
