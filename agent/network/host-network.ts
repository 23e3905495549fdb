/** The node's own part of the network: bridge, guards, routes to other nodes, Docker's consent. Put up, watched, put up again. */
import type { Logger } from "pino";
import type { Node } from "#api/generated/types.js";
import type { VxlanNumbers } from "#api/join.js";
import { allowForwarding, ensureBridge } from "#cni/bridge/host-bridge.js";
import { ipBatch, ipJson, type RouteJson } from "#cni/lib/ip-command.js";
import { nft, nftTableNames } from "#cni/lib/nft.js";
import { acceptPodTraffic } from "./docker-user.js";
import { applySysctls, guardRoutes, guardRuleset, hostRanges } from "./guards.js";
import { latestOnly } from "./latest-only.js";
import { NodePeers } from "./node-peers.js";
import { haveServiceIPs } from "./own-service-ips.js";
import {
  BRIDGE,
  findOverlap,
  GUARD_TABLE,
  gatewayOf,
  isIpv6,
  type NetworkRanges,
  ROUTE_PROTOCOL,
  VXLAN_LINK,
} from "./plan.js";

export interface HostNetworkOptions {
  nodeName: string;
  /** The addresses the node is known by. */
  addresses: readonly string[];
  ranges: NetworkRanges;
  /** Addresses of the service range that this node answers itself: the bridge has them. */
  ownServiceIPs?: readonly string[];
  vxlan: VxlanNumbers;
  /** Links of pods that an earlier life of this agent attached. */
  podLinks: ReadonlySet<string>;
  logger: Logger;
  /** How often everything is looked at again, besides changes that are seen at once. */
  checkMillis: number;
  /** Told what pods may send beyond their bridge, in bytes, whenever that changes. */
  onMtu(mtu: number): void;
  /** Told which nodes cannot be reached, a sentence each, whenever that changes. */
  onUnreachable(problems: readonly string[]): void;
}

export class HostNetwork {
  #podCIDRs: readonly string[] = [];
  #mtu: number | undefined;
  /** Whether the guards are those of this life. */
  #raised = false;
  #warnedOfFirewalld = false;
  #kernelProblem: string | undefined;
  #failure: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #ipv6: boolean;
  readonly #work;
  readonly #peers: NodePeers;

  constructor(private readonly options: HostNetworkOptions) {
    this.#ipv6 = [...options.ranges.podCIDRs, ...options.ranges.serviceCIDRs].some(isIpv6);
    this.#peers = new NodePeers({ ...options, onProblems: options.onUnreachable });
    this.#work = latestOnly(
      () => this.#assert(),
      (error) => this.#fail(error),
    );
  }

  /** Raises the guards. @throws Error when a range overlaps with what the host has: nothing was changed then */
  async start(): Promise<void> {
    const { ranges, podLinks } = this.options;
    const overlap = findOverlap(ranges, await hostRanges(new Set([BRIDGE, VXLAN_LINK, ...podLinks]), this.#ipv6));
    if (overlap) throw new Error(overlap);
    await this.#assert();
    this.#timer = setInterval(() => this.#work.trigger(), this.options.checkMillis).unref();
  }

  /** This node's part of the pod range: makes the bridge its gateway. */
  async setPodCIDRs(podCIDRs: readonly string[]): Promise<void> {
    await ensureBridge({ name: BRIDGE, addresses: podCIDRs.map(gatewayOf), forceAddress: true });
    this.#podCIDRs = podCIDRs;
    this.#work.trigger();
  }

  /** The nodes as they are now: called again by {@link nodesChanged}. */
  followNodes(nodes: () => readonly Node[]): void {
    this.#peers.follow(nodes);
    this.nodesChanged();
  }

  nodesChanged(): void {
    if (this.#peers.changed()) this.#work.trigger();
  }

  /** Somebody may have changed the host's rules: looks at everything soon. */
  check(): void {
    this.#work.trigger();
  }

  problem(): string | undefined {
    return this.#failure ?? this.#kernelProblem;
  }

  /** Resolves when all changes so far have been made, or have failed. */
  idle(): Promise<void> {
    return this.#work.idle();
  }

  /** Stops watching; everything stays up, for the pods that stay. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#work.stop();
  }

  #fail(error: Error): void {
    if (this.#failure !== error.message)
      this.options.logger.error({ err: error }, "the node's network cannot be set up");
    this.#failure = error.message;
  }

  /** Makes everything as it should be. Cheap when it is: three program starts. */
  async #assert(): Promise<void> {
    const { ranges, logger } = this.options;
    this.#kernelProblem = await applySysctls({ ipv6: this.#ipv6 });
    await ensureBridge({ name: BRIDGE, addresses: this.#podCIDRs.map(gatewayOf), forceAddress: true });
    await haveServiceIPs(this.options.ownServiceIPs ?? []);
    allowForwarding(BRIDGE, new Set(this.#ipv6 ? [4, 6] : [4]));
    const tables = await nftTableNames();
    if (!this.#raised || !tables.includes(`inet ${GUARD_TABLE}`)) await nft(guardRuleset(ranges));
    const present = await this.#assertGuardRoutes();
    this.#raised = true;
    // Docker's own nftables backend drops only what goes to its bridges, and has no chain for us.
    if (!tables.includes("ip docker-bridges")) {
      const changes = await acceptPodTraffic(ranges.podCIDRs);
      if (changes > 0) logger.info({ changes }, "pod traffic accepted in DOCKER-USER");
    }
    if (tables.includes("inet firewalld") && !this.#warnedOfFirewalld) {
      this.#warnedOfFirewalld = true;
      const commands = ranges.podCIDRs.map((cidr) => `firewall-cmd --permanent --zone=trusted --add-source=${cidr}`);
      logger.warn({ commands }, "firewalld is active: it lets pod traffic through only after these commands");
    }
    await this.#peers.assert(present);
    if (this.#peers.mtu !== this.#mtu) this.options.onMtu(this.#peers.mtu);
    this.#mtu = this.#peers.mtu;
    this.#failure = undefined;
  }

  /** @returns every route of ours that was there */
  async #assertGuardRoutes(): Promise<RouteJson[]> {
    const families = this.#ipv6 ? ["-4", "-6"] : ["-4"];
    const list = (family: string) => ipJson<RouteJson>([family, "route", "show", "proto", ROUTE_PROTOCOL]);
    const present = (await Promise.all(families.map(list))).flat();
    const guards = present.filter(({ gateway }) => !gateway);
    const gateways = this.#podCIDRs.map((cidr) => gatewayOf(cidr).replace(/\/.*/, ""));
    const wanted = guardRoutes(this.options.ranges, gateways);
    const stale = guards.filter(({ dst }) => !wanted.some((route) => route.dst === dst));
    const missing = wanted.filter(
      ({ dst, prefsrc }) => !guards.some((route) => route.dst === dst && (!prefsrc || route.prefsrc === prefsrc)),
    );
    await ipBatch(missing.map(({ command }) => command));
    await ipBatch(
      stale.map(({ dst }) => `route del ${dst} proto ${ROUTE_PROTOCOL}`),
      undefined,
      true,
    );
    return present;
  }
}
