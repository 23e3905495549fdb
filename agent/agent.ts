/**
 * One node: joins the cluster, then starts its parts in the order in which each needs the one before. Everything may be
 * killed at any point; a new start finds the containers as they are.
 */
import { join } from "node:path";
import type { Node } from "#api/generated/types.js";
import type { NodeClusterConfig } from "#api/join.js";
import { VERSION } from "#api/version.js";
import { systemClock } from "#client/clock.js";
import { createEventRecorder, type EventRecorder } from "#client/event-recorder.js";
import { RestClient } from "#client/rest.js";
import type { Agent, AgentOptions } from "./agent-options.js";
import { type Dns, startDns } from "./dns/index.js";
import type { EvictionManager } from "./eviction/eviction-manager.js";
import { openEviction } from "./eviction/index.js";
import { DISK_SIGNALS, type PressureType } from "./eviction/signals.js";
import { cgroupLayout } from "./host/cgroup-layout.js";
import { hostLimitations } from "./host/limitations.js";
import type { ImageGarbageCollector } from "./images/image-gc.js";
import { ImageRecords } from "./images/image-records.js";
import { startImageGc } from "./images/start-image-gc.js";
import { joinCluster } from "./join/join.js";
import { machineId } from "./join/machine-id.js";
import type { NodeIdentity } from "./join/node-identity.js";
import { startRenewal } from "./join/renewal.js";
import { type OpenNetwork, openNetwork } from "./network/index.js";
import type { PodNetwork } from "./network/network.js";
import { forPods } from "./node/capacity.js";
import { chooseNodeAddress } from "./node/node-address.js";
import { nodeFacts } from "./node/node-facts.js";
import { startNodeLease } from "./node/node-lease.js";
import type { NodeFacts } from "./node/node-object.js";
import { nodeObserver } from "./node/node-observer.js";
import { NodeReporter } from "./node/node-reporter.js";
import { type NodePods, startPods } from "./pods/index.js";
import { LOG_FOLDER } from "./pods/log-links.js";
import { policeNetwork } from "./policy/policed-network.js";
import { type ProxyOptions, startProxy } from "./proxy/index.js";
import { followServices, type ServiceInformers } from "./proxy/service-informers.js";
import { openRuntime } from "./runtime/open-runtime.js";
import type { Runtime } from "./runtime/runtime.js";
import { startKubeletServer } from "./server/kubelet-server.js";
import { startLocalHealth } from "./server/local-health.js";
import { openStats, type StatsOptions } from "./stats/index.js";
import { LocalVolumes } from "./storage/local-volumes.js";
import { Teardown } from "./teardown.js";

const clock = systemClock;

/** What the parts share once the node is known to the cluster. */
interface Base {
  options: AgentOptions;
  /** `<dataDir>/agent`. */
  folder: string;
  machineId: string;
  address: string;
  identity: NodeIdentity;
  client: RestClient;
  cluster: NodeClusterConfig;
  runtime: Runtime;
  teardown: Teardown;
  /** The host goes down. */
  shuttingDown: boolean;
}

/** @throws JoinError, or Error that says what to change, when the node cannot start */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const teardown = new Teardown(options.logger);
  try {
    const endPods = await startParts(await openBase(options, teardown));
    const shutDown = () => endPods().finally(() => teardown.run());
    return { nodeName: options.nodeName, shutDown, stop: () => teardown.run() };
  } catch (error) {
    await teardown.run();
    throw error;
  }
}

async function openBase(options: AgentOptions, teardown: Teardown): Promise<Base> {
  const { server, token, nodeName, logger } = options;
  const folder = join(options.dataDir, "agent");
  const id = machineId(folder);
  const address = await chooseNodeAddress(options);
  const claim = { nodeName, machineId: id, addresses: [address] };
  const identity = await joinCluster({ ...claim, server, token, folder, clock, logger });
  const client = new RestClient({ server, ca: identity.ca, ...identity.client, userAgent: `berth-agent/${VERSION}` });
  const { dockerSocket: socketPath, sandboxImage, containerLogs } = options;
  const runtime = await openRuntime({ socketPath, nodeName, logger, sandboxImage, containerLogs }, clock);
  const cluster = await clusterConfig(client, identity);
  return { options, folder, machineId: id, address, identity, client, cluster, runtime, teardown, shuttingDown: false };
}

/** The cluster's settings now; those of the last join when the server cannot be asked. */
function clusterConfig(client: RestClient, identity: NodeIdentity): Promise<NodeClusterConfig> {
  return client.request<NodeClusterConfig>("GET", "/berth/v1/cluster").catch(() => identity.cluster);
}

/** @returns what ends the node's Pods before its host goes down */
async function startParts(base: Base): Promise<() => Promise<void>> {
  const { options, client, teardown } = base;
  const { nodeName, logger } = options;
  const facts = await nodeFacts(options, base);
  const recorder = createEventRecorder(client, {
    component: "kubelet",
    host: nodeName,
    onError: (error) => logger.warn({ err: error }, "an Event was lost"),
  });
  teardown.add("events", { stop: () => recorder.stop() });
  let network: PodNetwork | undefined;
  let pods: NodePods | undefined;
  let eviction: EvictionManager | undefined;
  const observe = nodeObserver({
    facts,
    runtime: base.runtime,
    otherProblems: async () => {
      const own = base.shuttingDown ? ["node is shutting down"] : [await network?.problem(), pods?.problem()];
      return own.filter((problem) => problem !== undefined);
    },
    folder: base.folder,
    pressures: () => pressures(),
    monotonic: clock.monotonic,
  });
  const reporter = teardown.add("node", new NodeReporter({ client, facts, observe, recorder, clock, logger }));
  const leaseSeconds = base.cluster.nodeLeaseSeconds;
  const own = { node: () => reporter.node, onRecovered: () => reporter.heardAgain() };
  teardown.add("lease", startNodeLease({ client, nodeName, leaseSeconds, ...own, clock, logger }));
  void reporter.registered.then((node) => announce(base, recorder, node));
  const opened = teardown.add("network", await startNetwork(base, reporter, recorder));
  ({ network } = teardown.add("network policy", policeNetwork(opened, { ...base, node: own.node, recorder, logger })));
  const services = followServices(client);
  teardown.add("services", { stop: async () => services.stop() });
  teardown.add("cluster DNS", startClusterDns(base, reporter, recorder, services));
  const pressures = () => eviction?.pressures ?? new Set();
  const imageRecords = new ImageRecords(join(base.folder, "images.json"), logger);
  const parts = { network, check: opened.check, services, pressures, imageRecords };
  pods = teardown.add("Pods", startPodWorkers(base, facts, parts));
  const directory = facts.localStorage;
  teardown.add("local volumes", new LocalVolumes({ client, nodeName, directory, clock, logger }));
  const images = teardown.add("image garbage collection", startImages(base, reporter, recorder, pods, imageRecords));
  const zone = () => reporter.node?.metadata.labels?.[ZONE];
  teardown.add("service proxy", startProxy({ ...proxyOptions(base), recorder, known: services, zone }));
  const stats = statsOptions(base, facts, pods);
  await startEndpoints(base, pods, stats);
  const reclaimers = [{ name: "images", signals: DISK_SIGNALS, reclaim: () => images.removeUnused() }];
  eviction = await openEviction(options, stats, { pods, reclaimers, onPressure: () => reporter.refresh(), clock });
  teardown.add("eviction", eviction);
  reporter.begin();
  const { shutdownGracePeriod: seconds = 30, shutdownGracePeriodCriticalPods: criticalSeconds = 10 } = options;
  return async () => {
    base.shuttingDown = true;
    reporter.refresh();
    await pods?.shutDown({ seconds, criticalSeconds });
  };
}

/** What a person finds among the Node's Events after every start. */
function announce({ options: { logger } }: Base, recorder: EventRecorder, node: Node): void {
  recorder.event(node, "Normal", "Starting", "Starting kubelet.");
  for (const text of hostLimitations(cgroupLayout())) {
    logger.warn(text);
    recorder.event(node, "Warning", "HostLimitation", text);
  }
}

const ZONE = "topology.kubernetes.io/zone";
const SSH_PORT = 22;

function proxyOptions({ options, client, cluster, address }: Base): ProxyOptions {
  const { nodeName, kubeletPort, server, logger } = options;
  const url = new URL(server);
  const serverPort = url.hostname === address ? [Number(url.port || 443)] : [];
  const reservedPorts = [SSH_PORT, kubeletPort, ...serverPort];
  const { podCIDRs, serviceCIDRs } = cluster;
  return { client, nodeName, podCIDRs, serviceCIDRs, addresses: [address], reservedPorts, logger };
}

interface PodParts extends Pick<OpenNetwork, "network" | "check"> {
  services: ServiceInformers;
  imageRecords: ImageRecords;
  pressures(): ReadonlySet<PressureType>;
}

function startPodWorkers(base: Base, { resources, localStorage }: NodeFacts, parts: PodParts): NodePods {
  const { check, ...given } = parts;
  const { options, folder, address, client, cluster, runtime } = base;
  const { dataDir, podManifestPath } = options;
  return startPods({
    // What was given for Pods and images has the same names there.
    ...options,
    ...given,
    client,
    nodeIPs: [address],
    runtime,
    dataDir: folder,
    localStorage,
    clusterDNS: [cluster.clusterDNS],
    clusterDomain: cluster.clusterDomain,
    manifestFolder: podManifestPath ?? join(dataDir, "manifests"),
    capacity: forPods(resources),
    logDir: LOG_FOLDER,
    // An engine that starts writes its own rules.
    onEngineBack: check,
  });
}

function startImages(
  { options, runtime }: Base,
  reporter: NodeReporter,
  recorder: EventRecorder,
  pods: NodePods,
  records: ImageRecords,
): ImageGarbageCollector {
  const say = (type: "Warning", reason: string, message: string) =>
    void reporter.registered.then((node) => recorder.event(node, type, reason, message));
  const { imageGc: policy, logger } = options;
  return startImageGc({ runtime, records, policy, wanted: pods.wantedImages, say, clock, logger });
}

/** Longest wait for the Node, in ms: a server that is away is no reason to leave the node without guards and routes. */
const REGISTRATION_MS = 3_000;

async function startNetwork(
  { options, folder, address, client, cluster }: Base,
  reporter: NodeReporter,
  recorder: EventRecorder,
): Promise<OpenNetwork> {
  const { nodeName, cniConfDir, cniBinDir, logger } = options;
  const late = new Promise<undefined>((resolve) => clock.after(REGISTRATION_MS, () => resolve(undefined)));
  const podCIDRs = (await Promise.race([reporter.registered, late]))?.spec.podCIDRs;
  const ownServiceIPs = [cluster.clusterDNS];
  const own = { nodeName, addresses: [address], client, dataDir: folder, cluster, podCIDRs, ownServiceIPs };
  const onUnreachable = async (problems: readonly string[]) => {
    const node = await reporter.registered;
    for (const text of problems) recorder.event(node, "Warning", "PodsUnreachable", `Pods cannot be reached: ${text}`);
  };
  return openNetwork({ ...own, cniConfDir, cniBinDir, logger, onUnreachable });
}

function startClusterDns(
  { options, client, cluster }: Base,
  reporter: NodeReporter,
  recorder: EventRecorder,
  known: ServiceInformers,
): Dns {
  return startDns({
    client,
    known,
    address: cluster.clusterDNS,
    clusterDomain: cluster.clusterDomain,
    ranges: [...cluster.podCIDRs, ...cluster.serviceCIDRs],
    logger: options.logger,
    say: (reason, message) => void reporter.registered.then((node) => recorder.event(node, "Warning", reason, message)),
  });
}

/** The kubelet endpoint, the plain health check, and the renewal of the certificate both the endpoint and the client show. */
async function startEndpoints(base: Base, pods: NodePods, stats: StatsOptions): Promise<void> {
  const { options, identity, client, runtime, teardown } = base;
  const { logger, server } = options;
  const kubelet = await startKubeletServer({
    host: base.address,
    port: options.kubeletPort,
    credentials: { ca: identity.ca, ...identity.serving },
    runtime,
    pods,
    stats: openStats(stats),
    now: clock.now,
    logger,
  });
  teardown.add("kubelet endpoint", kubelet);
  const { machineId, folder } = base;
  const onRenewed = (renewed: NodeIdentity) => {
    client.useCertificate(renewed.client);
    kubelet.useCredentials({ ca: renewed.ca, ...renewed.serving });
  };
  teardown.add("renewal", startRenewal({ identity, server, machineId, folder, clock, logger, onRenewed }));
  await startHealth(options, teardown);
}

/** Where what the node uses is read from. */
function statsOptions({ options, folder }: Base, facts: NodeFacts, pods: NodePods): StatsOptions {
  return {
    nodeName: options.nodeName,
    pods: () => pods.list(),
    storageOf: (pod) => pods.storageOf(pod),
    layout: cgroupLayout(),
    driver: facts.runtime.cgroupDriver,
    cgroupRoot: options.cgroupRoot,
    memory: facts.resources.memory,
    nodeFolder: folder,
    imageFolder: facts.runtime.rootDirectory,
    now: clock.now,
  };
}

/** Nodes that share a network namespace share its loopback: only one of them can have the port. */
async function startHealth({ healthzPort, logger }: AgentOptions, teardown: Teardown): Promise<void> {
  if (healthzPort === 0) return;
  try {
    teardown.add("health check", await startLocalHealth(healthzPort, () => undefined));
  } catch (error) {
    logger.error({ err: error }, "no local /healthz");
  }
}
