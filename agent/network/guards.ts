/**
 * Keeps pod and service addresses on the machine. Before the first such address is used
 * - every pod address is unreachable unless a more specific route (the node's bridge, another node) says otherwise;
 * - service addresses are routed to the bridge, because local packets are routed before they are translated, and what no
 *   translation took is refused on its way out or through;
 * - what pods send beyond the cluster leaves with the node's address;
 * - connections of pods agree on segments that fit the way, so that nothing hangs where a node learns of a tunnel, or of a smaller
 *   link, after its pods were started.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { tryCommand } from "#cni/lib/command.js";
import { ipJson, type RouteJson } from "#cni/lib/ip-command.js";
import { BRIDGE, GUARD_TABLE, type HostRange, isIpv6, type NetworkRanges, ROUTE_PROTOCOL } from "./plan.js";

/** The whole guard table: replacing it is one transaction, so there is no moment without it. */
export function guardRuleset({ podCIDRs, serviceCIDRs }: NetworkRanges): string {
  const set = (name: string, type: string, cidrs: readonly string[]) =>
    `  set ${name} { type ${type}; flags interval;${cidrs.length > 0 ? ` elements = { ${cidrs.join(", ")} };` : ""} }`;
  const v4 = (cidrs: readonly string[]) => cidrs.filter((cidr) => !isIpv6(cidr));
  const v6 = (cidrs: readonly string[]) => cidrs.filter(isIpv6);
  return `add table inet ${GUARD_TABLE}
delete table inet ${GUARD_TABLE}
table inet ${GUARD_TABLE} {
${set("pods", "ipv4_addr", v4(podCIDRs))}
${set("pods6", "ipv6_addr", v6(podCIDRs))}
${set("services", "ipv4_addr", v4(serviceCIDRs))}
${set("services6", "ipv6_addr", v6(serviceCIDRs))}
  chain refuse {
    meta l4proto tcp reject with tcp reset
    reject with icmpx type port-unreachable
  }
  chain output {
    type filter hook output priority filter; policy accept;
    oif lo accept comment "an address of this node itself: the cluster's DNS"
    ip daddr @services goto refuse
    ip6 daddr @services6 goto refuse
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ip daddr @services goto refuse
    ip6 daddr @services6 goto refuse
  }
  chain segments {
    type filter hook forward priority mangle; policy accept;
    ip saddr @pods tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
    ip daddr @pods tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
    ip6 saddr @pods6 tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
    ip6 daddr @pods6 tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr @pods ip daddr != @pods ip daddr != 224.0.0.0/4 masquerade
    ip6 saddr @pods6 ip6 daddr != @pods6 ip6 daddr != ff00::/8 masquerade
  }
}
`;
}

/** A route that guards, and the `ip` command that makes it, which may be given again and again. */
export interface GuardRoute {
  dst: string;
  prefsrc?: string;
  command: string;
}

/**
 * @param gateways the bridge's addresses among the pods', as far as they are known: the node speaks to services from there. Named
 *   because the kernel would choose the cluster's DNS address, which every node has, where a bridge has route_localnet.
 */
export function guardRoutes({ podCIDRs, serviceCIDRs }: NetworkRanges, gateways: readonly string[] = []): GuardRoute[] {
  const onBridge = (dst: string): GuardRoute => {
    const prefsrc = gateways.find((address) => isIpv6(address) === isIpv6(dst));
    const command = `route replace ${dst} dev ${BRIDGE} proto ${ROUTE_PROTOCOL}`;
    return { dst, prefsrc, command: prefsrc ? `${command} src ${prefsrc}` : command };
  };
  // The metric is the worst there is: a node may have the whole range to itself.
  const nowhere = (dst: string): GuardRoute => ({
    dst,
    command: `route replace unreachable ${dst} proto ${ROUTE_PROTOCOL} metric 65535`,
  });
  return [...podCIDRs.map(nowhere), ...serviceCIDRs.map(onBridge)];
}

/**
 * The kernel settings routing between pods needs. Bridged packets must pass netfilter: the answer of a pod to its neighbour on
 * the same bridge is translated back there.
 * @returns what the kernel cannot do, or undefined
 */
export async function applySysctls(families: { ipv6: boolean }): Promise<string | undefined> {
  set("net/ipv4/ip_forward", "1");
  set("net/ipv4/conf/all/send_redirects", "0");
  if (families.ipv6) set("net/ipv6/conf/all/forwarding", "1");
  const bridged = "/proc/sys/net/bridge/bridge-nf-call-iptables";
  if (!existsSync(bridged)) await tryCommand("modprobe", ["br_netfilter"]).catch(() => undefined);
  if (!existsSync(bridged)) return "the kernel module br_netfilter is missing (modprobe br_netfilter)";
  set("net/bridge/bridge-nf-call-iptables", "1");
  if (families.ipv6) set("net/bridge/bridge-nf-call-ip6tables", "1");
  return undefined;
}

function set(name: string, value: string): void {
  const path = `/proc/sys/${name}`;
  if (readFileSync(path, "utf8").trim() !== value) writeFileSync(path, value);
}

/** Every route and address of the host that is not ours. @param ignoredLinks links of pods, from an earlier life */
export async function hostRanges(ignoredLinks: ReadonlySet<string>, ipv6: boolean): Promise<HostRange[]> {
  const families = ipv6 ? ["-4", "-6"] : ["-4"];
  const routes = (await Promise.all(families.map((f) => ipJson<RouteJson>([f, "route", "show"])))).flat();
  const ranges = routes
    .filter(({ protocol, dst }) => protocol !== ROUTE_PROTOCOL && dst !== "default")
    .map(({ dst, dev, type }) => ({ cidr: withLength(dst), link: dev ?? type ?? "" }));
  for (const [link, entries] of Object.entries(networkInterfaces()))
    for (const { address, scopeid } of entries ?? []) if (!scopeid) ranges.push({ cidr: withLength(address), link });
  return ranges.filter(({ link }) => !ignoredLinks.has(link));
}

const withLength = (dst: string) => (dst.includes("/") ? dst : `${dst}/${isIpv6(dst) ? 128 : 32}`);
