/**
 * The network of one node. How a packet finds its way:
 *
 * - pod → pod here:     eth0 → veth → berth0 → veth → eth0, bridged.
 * - pod → pod there:    berth0 → route "10.244.2.0/24 via that node" (host-gw) → that node's berth0. No address changes.
 * - on another segment: berth0 → route through the tunnel berth-vxlan → UDP to that node, which unpacks it → its berth0. No address
 *                       of the inner packet changes.
 * - pod → service:      to the gateway berth0; nft `berth-proxy` (agent/proxy) puts an endpoint's address in place of the
 *                       service's in prerouting; then as pod → pod. An endpoint on the same bridge answers through netfilter
 *                       too (bridge-nf-call-iptables), where the address is put back.
 * - host → service:     routed to berth0 first, translated in the output hook, routed again.
 * - world → NodePort:   translated in prerouting and given this node's address as source, so that the answer comes back here.
 * - pod → world:        nft `berth-guard` gives it the node's address in postrouting.
 * - pod, host → DNS:    the cluster's DNS address is the node's own, on berth0; agent/dns answers. No address changes.
 * - to nobody:          a service address without endpoints is refused in output and forward; a pod address of no node is
 *                       unreachable. Neither can take the default route.
 * - beside Docker:      accepts in DOCKER-USER, since Docker's FORWARD policy drops what is not its own.
 */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Node } from "#api/generated/types.js";
import type { VxlanNumbers } from "#api/join.js";
import { nodes } from "#api/refs.js";
import type { Client } from "#client/client.js";
import { type Informer, startInformer } from "#client/informer.js";
import { AttachmentStore } from "./attachment-store.js";
import { CniRuntime } from "./cni-runtime.js";
import { type ConfList, loadConfList } from "./conflist.js";
import { defaultConfList } from "./default-conflist.js";
import { HostNetwork } from "./host-network.js";
import type { AttachedPod, PodNetwork } from "./network.js";
import { podCIDRsOf } from "./node-routes.js";
import { type NetworkRanges, POD_LINK_MTU } from "./plan.js";
import { createPluginRunner, type PluginRunner } from "./plugin-runner.js";
import { attachedPods, createPodNetwork } from "./pod-network.js";
import { DEFAULT_VXLAN } from "./vxlan.js";

export interface NetworkOptions {
  nodeName: string;
  /** The addresses the node is known by; the tunnel starts at the first. */
  addresses: readonly string[];
  client: Client;
  /** The agent's; the network keeps its state in `cni` below it. */
  dataDir: string;
  cluster: NetworkRanges & { vxlan?: VxlanNumbers };
  /** Addresses of the service range that a part of this agent answers at: the node has them, nothing is translated. */
  ownServiceIPs?: readonly string[];
  /** This node's part of the pod range, when it is known already; otherwise its Node object tells. */
  podCIDRs?: readonly string[];
  /** Where the owner of the node keeps a list of his own; the default one is used when there is none. */
  cniConfDir?: string;
  /** Where plugin programs are. Default /opt/cni/bin and /usr/lib/cni. */
  cniBinDir?: string | readonly string[];
  logger: Logger;
  /** Told, a sentence for each node, which ones cannot be reached; again when that has changed, with an empty list when all can be. */
  onUnreachable?(problems: readonly string[]): void;
  /** Default 30 s. */
  checkMillis?: number;
}

export interface OpenNetwork {
  network: PodNetwork;
  /** The Pods that have been attached, those of an earlier life among them. */
  attached(): AttachedPod[];
  /** Somebody may have changed the host's rules: looks at once, not only at the next regular time. */
  check(): void;
  /** Stops watching. Pods stay attached, routes and rules stay. */
  stop(): Promise<void>;
}

const BIN_DIRS = ["/opt/cni/bin", "/usr/lib/cni"];

/**
 * Raises the guards and returns; `network.problem()` says what is still missing, usually this node's pod range.
 * @throws Error when the cluster's ranges overlap with the host's networks
 */
export async function openNetwork(options: NetworkOptions): Promise<OpenNetwork> {
  const { nodeName, client, cluster, logger } = options;
  const directory = join(options.dataDir, "cni");
  const store = new AttachmentStore(join(directory, "results"), (path, error) =>
    logger.error({ path, err: error }, "unreadable attachment left alone"),
  );
  const lists = new ListSource(join(directory, "net.d"), join(directory, "networks"), options.cniConfDir);
  const host = new HostNetwork({
    nodeName,
    addresses: options.addresses,
    ranges: cluster,
    ownServiceIPs: options.ownServiceIPs,
    vxlan: cluster.vxlan ?? DEFAULT_VXLAN,
    podLinks: hostLinksOf(store),
    logger,
    checkMillis: options.checkMillis ?? 30_000,
    onMtu: (mtu) => lists.setMtu(mtu),
    onUnreachable: (problems) => {
      if (problems.length > 0) logger.warn({ problems }, "pods of some nodes cannot be reached");
      options.onUnreachable?.(problems);
    },
  });
  await host.start();
  let informer: Informer<Node> | undefined;
  const adopt = async (podCIDRs: readonly string[]) => {
    if (podCIDRs.length === 0 || lists.isFor(podCIDRs)) return;
    await host.setPodCIDRs(podCIDRs);
    lists.setPodCIDRs(podCIDRs);
    logger.info({ podCIDRs }, "the node has its pod range");
  };
  await adopt(options.podCIDRs ?? []);
  informer = startInformer(client, nodes);
  const changed = (node: Node) => {
    if (node.metadata.name === nodeName)
      adopt(podCIDRsOf(node)).catch((error) => logger.error({ err: error }, "the node's pod range cannot be used"));
    host.nodesChanged();
  };
  informer.addHandler({ onAdd: changed, onUpdate: changed, onDelete: () => host.nodesChanged() });
  // Until all nodes are known, the routes of an earlier life are better than none.
  void informer.synced.then(() => host.followNodes(() => informer.list())).catch(() => undefined);
  const runtime = new CniRuntime(createRunner(options.cniBinDir), store);
  const network = createPodNetwork({
    runtime,
    store,
    list: () => lists.current(),
    hostProblem: async () => host.problem(),
  });
  return {
    network,
    attached: () => attachedPods(store),
    check: () => host.check(),
    stop: async () => {
      informer.stop();
      await host.stop();
    },
  };
}

export function createRunner(cniBinDir: NetworkOptions["cniBinDir"]): PluginRunner {
  const binDirs = cniBinDir === undefined ? BIN_DIRS : [cniBinDir].flat();
  return createPluginRunner({ binDirs, path: process.env["PATH"] ?? "" });
}

/** Links on the host that attachments on disk speak of. */
function hostLinksOf(store: AttachmentStore): Set<string> {
  const links = store.list().flatMap(({ result }) => result?.interfaces ?? []);
  return new Set(links.filter(({ sandbox }) => !sandbox).map(({ name }) => name));
}

/** The list in force: the owner's, read anew each time, or the default one for this node's range. */
class ListSource {
  #podCIDRs: readonly string[] = [];
  #mtu: number | undefined;

  constructor(
    private readonly directory: string,
    private readonly reservations: string,
    private readonly ownerDirectory: string | undefined,
  ) {}

  isFor(podCIDRs: readonly string[]): boolean {
    return this.#podCIDRs.join() === podCIDRs.join();
  }

  setPodCIDRs(podCIDRs: readonly string[]): void {
    this.#podCIDRs = podCIDRs;
    this.#write();
  }

  /** For pods from now on; those that run learn of a smaller way from the node, packet by packet. */
  setMtu(mtu: number): void {
    this.#mtu = mtu < POD_LINK_MTU ? mtu : undefined;
    if (this.#podCIDRs.length > 0) this.#write();
  }

  #write(): void {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const path = join(this.directory, "10-berth.conflist");
    const text = `${JSON.stringify(defaultConfList(this.#podCIDRs, this.#mtu, this.reservations), null, 2)}\n`;
    writeFileSync(`${path}.draft`, text);
    renameSync(`${path}.draft`, path);
  }

  /** @throws Error that says what is missing */
  current(): ConfList {
    const owners = this.ownerDirectory === undefined ? undefined : loadConfList(this.ownerDirectory);
    if (owners) return owners;
    const own = this.#podCIDRs.length > 0 ? loadConfList(this.directory) : undefined;
    if (own) return own;
    throw new Error("this node has no pod range yet (Node spec.podCIDRs)");
  }
}
