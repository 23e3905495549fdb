/** Keeps the ways to other nodes' pods as the Nodes say: routes, and the tunnel for those that are on no network of ours. */
import { networkInterfaces } from "node:os";
import type { Node } from "#api/generated/types.js";
import type { VxlanNumbers } from "#api/join.js";
import { runCommand } from "#cni/lib/command.js";
import { bridgeBatch, ipBatch, ipJson, type LinkJson, type RouteJson } from "#cni/lib/ip-command.js";
import { type NodeRoutes, planNodeRoutes, podCIDRsOf, routeChanges, wayOf } from "./node-routes.js";
import { BRIDGE, gatewayOf, type NetworkRanges, POD_LINK_MTU, VXLAN_LINK } from "./plan.js";
import { hostPrefix, type PresentTunnel, type Tunnel, tunnelChanges, tunnelMtu } from "./vxlan.js";

export interface NodePeersOptions {
  nodeName: string;
  /** The addresses this node is known by. */
  addresses: readonly string[];
  ranges: NetworkRanges;
  vxlan: VxlanNumbers;
  /** Told when the list of nodes that cannot be reached has changed and stays so. One sentence each. */
  onProblems(problems: readonly string[]): void;
}

/** A node that has just joined has no address for a moment: that is no news. Milliseconds. */
const PATIENCE = 3_000;

export class NodePeers {
  /** Undefined until all nodes are known: the ways of an earlier life are better than none. */
  #nodes: (() => readonly Node[]) | undefined;
  #made = "";
  #problems: { text: string; since: number; told: boolean } = { text: "", since: 0, told: true };
  #mtu = POD_LINK_MTU;

  constructor(private readonly options: NodePeersOptions) {}

  follow(nodes: () => readonly Node[]): void {
    this.#nodes = nodes;
  }

  /** Whether the Nodes say something else than when `assert` ran last. */
  changed(): boolean {
    return this.#nodes !== undefined && textOf(this.#plan(this.#nodes())) !== this.#made;
  }

  /** Largest packet that pods may send beyond their bridge, in bytes: as far as this node knows now. */
  get mtu(): number {
    return this.#mtu;
  }

  /** @param present every route of ours */
  async assert(present: readonly RouteJson[]): Promise<void> {
    const nodes = this.#nodes?.();
    if (!nodes) return;
    const plan = this.#plan(nodes);
    const links = await ipJson<LinkJson>(["addr", "show"]);
    const tunnel = this.#tunnel(plan, nodes, links);
    const changes = tunnelChanges(await presentTunnel(links), tunnel);
    const ways = new Map(present.flatMap((route) => [[route.dst, wayOf(route)] as const]).filter(isWay));
    // A link that is made anew has taken its routes along.
    const lost = changes.make.some((line) => line.startsWith("link del"));
    const kept = lost ? new Map([...ways].filter(([, way]) => !way.includes(VXLAN_LINK))) : ways;
    await ipBatch(changes.make);
    await bridgeBatch(changes.forward);
    await ipBatch([...routeChanges(kept, plan.routes), ...changes.remove], undefined, true);
    await bridgeBatch(changes.forget);
    this.#made = textOf(plan);
    this.#tellProblems(plan.problems);
    this.#mtu = Math.min(POD_LINK_MTU, tunnel?.mtu ?? underlayMtu(links, this.options.addresses));
  }

  #plan(nodes: readonly Node[]): NodeRoutes {
    const { nodeName, addresses, ranges, vxlan } = this.options;
    const networks = Object.entries(networkInterfaces())
      .filter(([name]) => name !== BRIDGE && name !== VXLAN_LINK)
      .flatMap(([, entries]) => (entries ?? []).flatMap(({ cidr, internal }) => (cidr && !internal ? [cidr] : [])));
    const onLink = vxlan.always ? [] : networks;
    return planNodeRoutes({ nodeName, addresses, onLink }, nodes, ranges);
  }

  #tellProblems(problems: readonly string[]): void {
    const [text, now] = [problems.join("; "), performance.now()];
    if (text !== this.#problems.text) this.#problems = { text, since: now, told: false };
    if (this.#problems.told || now - this.#problems.since < PATIENCE) return;
    this.#problems.told = true;
    this.options.onProblems(problems);
  }

  #tunnel({ tunnelled }: NodeRoutes, nodes: readonly Node[], links: readonly LinkJson[]): Tunnel | undefined {
    const { nodeName, addresses, vxlan } = this.options;
    const [local] = addresses;
    if (tunnelled.size === 0 || local === undefined) return undefined;
    const own = nodes.find(({ metadata }) => metadata.name === nodeName);
    return {
      id: vxlan.id,
      port: vxlan.port,
      local,
      mtu: tunnelMtu(local, underlayMtu(links, addresses)),
      addresses: own ? podCIDRsOf(own).map((cidr) => hostPrefix(gatewayOf(cidr))) : [],
      peers: tunnelled,
    };
  }
}

const isWay = (entry: readonly [string, string | undefined]): entry is readonly [string, string] =>
  entry[1] !== undefined;

const textOf = ({ routes, tunnelled }: NodeRoutes) => JSON.stringify([[...routes], [...tunnelled]]);

/** MTU of the link that has the node's address. */
function underlayMtu(links: readonly LinkJson[], addresses: readonly string[]): number {
  const link = links.find(({ addr_info }) => (addr_info ?? []).some(({ local }) => addresses.includes(local)));
  return link?.mtu ?? POD_LINK_MTU;
}

interface NeighbourJson {
  dst: string;
  lladdr?: string;
}

interface ForwardingJson {
  mac: string;
  dst?: string;
}

async function presentTunnel(links: readonly LinkJson[]): Promise<PresentTunnel | undefined> {
  const link = links.find(({ ifname }) => ifname === VXLAN_LINK);
  if (!link) return undefined;
  const { info_kind, info_data = {} } = link.linkinfo ?? {};
  if (info_kind !== "vxlan") throw new Error(`"${VXLAN_LINK}" already exists but is not a VXLAN link`);
  const neighbours = await ipJson<NeighbourJson>(["neigh", "show", "dev", VXLAN_LINK, "nud", "permanent"]);
  const text = await runCommand("bridge", ["-j", "fdb", "show", "dev", VXLAN_LINK]);
  const forwarding = (text.trim() ? JSON.parse(text) : []) as ForwardingJson[];
  return {
    id: info_data.id ?? 0,
    port: info_data.port ?? 0,
    local: info_data.local ?? info_data.local6 ?? "",
    mtu: link.mtu,
    mac: link.address ?? "",
    addresses: (link.addr_info ?? [])
      .filter(({ scope }) => scope === "global")
      .map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    neighbours: new Map(neighbours.flatMap(({ dst, lladdr }) => (lladdr ? [[dst, lladdr]] : []))),
    forwarding: new Map(forwarding.flatMap(({ mac, dst }) => (dst ? [[mac, dst]] : []))),
  };
}
