/** The Pods of this node, from the API to running containers. */

import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Container, Pod } from "#api/generated/types.js";
import type { Client } from "#client/client.js";
import { type Clock, systemClock } from "#client/clock.js";
import { createEventRecorder } from "#client/event-recorder.js";
import type { PressureType } from "../eviction/signals.js";
import { ImageManager } from "../images/image-manager.js";
import type { ImageRecords } from "../images/image-records.js";
import { NodeCredentials } from "../images/node-credentials.js";
import { unpackImage } from "../images/unpack-image.js";
import type { PodNetwork } from "../network/network.js";
import { ProbeManager } from "../probes/probe-manager.js";
import type { Runtime } from "../runtime/runtime.js";
import { StaticPods } from "../static-pods/index.js";
import type { PodStorage } from "../stats/pod-storage.js";
import { StatusManager } from "../status/status-manager.js";
import { ConfigSource } from "../volumes/config-source.js";
import { volumePlugins } from "../volumes/index.js";
import { runProgram } from "../volumes/run-program.js";
import { ServiceAccountTokens } from "../volumes/service-account-tokens.js";
import { VolumeManager } from "../volumes/volume-manager.js";
import { Allocations } from "./allocations.js";
import { downwardFile, type NodeCapacity } from "./downward-fields.js";
import { LogLinks } from "./log-links.js";
import type { ShutdownGrace } from "./node-shutdown.js";
import type { PodFailure } from "./pod-admission.js";
import { PodDirectories } from "./pod-directories.js";
import type { PodEnvironment } from "./pod-environment.js";
import { PodEvents } from "./pod-events.js";
import { PodManager } from "./pod-manager.js";
import { DEFAULT_RESTART_BACKOFF, type RestartBackoff } from "./restart-backoff.js";
import type { ServiceDirectory } from "./service-env.js";
import { volumeImage } from "./volume-images.js";

export interface PodsOptions {
  client: Client;
  nodeName: string;
  nodeIPs: readonly string[];
  runtime: Runtime;
  network: PodNetwork;
  /** Pods have their files below `<dataDir>/pods`. */
  dataDir: string;
  /** Where volumes are that are made for claims. Default: `<dataDir>/storage`. */
  localStorage?: string;
  logger: Logger;
  /** What Pods are told of Services in their environment; absent: nothing. */
  services?: ServiceDirectory;
  /** Addresses of the cluster's DNS; none: Pods use the node's. */
  clusterDNS?: readonly string[];
  clusterDomain?: string;
  /** Cgroup below which "kubepods" is, "/" or "/berth/node-1". */
  cgroupRoot?: string;
  /** Folder with manifests of the node's own Pods; absent: there are none. */
  manifestFolder?: string;
  /** Sysctls that Pods may set besides the safe ones; "net.core.*" means all that begin so. */
  allowedUnsafeSysctls?: readonly string[];
  /** What the node has to give to Pods; by default all that this host has. */
  capacity?: NodeCapacity;
  clock?: Clock;
  restartBackoff?: RestartBackoff;
  /** Remembers which images were pulled; absent: nothing does. */
  imageRecords?: ImageRecords;
  /** Whether a Pod must have a credential for an image that another Pod's credential brought here; default true. */
  verifyImageCredentials?: boolean;
  /** Default 3. */
  maxParallelImagePulls?: number;
  /** Files with credentials for registries that are the node's own, see dockerConfigPlaces. */
  registryConfigs?: readonly string[];
  /** "/var/log": links to container logs are kept below; absent: there are none. */
  logDir?: string;
  /** Default 1. */
  keptDeadContainers?: number;
  /** Milliseconds. */
  imageBackoff?: { initial: number; max: number };
  /** Milliseconds; how often volumes follow their objects, and how often the engine is listed. */
  resyncPeriod?: number;
  relistPeriod?: number;
  /** Processes that a Pod may have; absent: no bound of its own. */
  podMaxPids?: number;
  /** Milliseconds between two looks at what Pods with limits have on the disk. Default 10,000, as the kubelet's. */
  storagePeriod?: number;
  /** What the node is short of, which decides what it takes on. Default: nothing. */
  pressures?(): ReadonlySet<PressureType>;
  onPodsChanged?(): void;
  /** The engine answers again after it did not: it was restarted. */
  onEngineBack?(): void;
}

export interface NodePods {
  /** Every Pod of the node, with its status as this node sees it. */
  list(): readonly Pod[];
  find(namespace: string, name: string): Pod | undefined;
  /** The engine's id of the container's current (or, with `previous`, last terminated) instance. */
  containerId(namespace: string, pod: string, container: string, previous?: boolean): string | undefined;
  /** Where the Pod's parts are on the disk; undefined when nothing is known of it here. */
  storageOf(pod: Pod): PodStorage | undefined;
  /** The Pod has failed by a decision of the node. Resolves when nothing of it runs, or it has had time enough for that. */
  evict(pod: Pod, failure: PodFailure): Promise<void>;
  /** Path of the network namespace the Pod is in; undefined while its sandbox does not run. */
  networkNamespace(namespace: string, pod: string): string | undefined;
  /** Ids of images that containers which have yet to be made will use. */
  wantedImages(): ReadonlySet<string>;
  /** The host goes down: nothing new is taken on, and what runs is ended. Resolves when it is, or the time is over. */
  shutDown(grace: ShutdownGrace): Promise<void>;
  /** What keeps this node from knowing how its containers are; undefined when nothing does. */
  problem(): string | undefined;
  /** Containers run on; the next agent takes over where this one left. */
  stop(): Promise<void>;
}

/** Begins at once and goes on in the background, also while the API or the engine does not answer. */
export function startPods(options: PodsOptions): NodePods {
  const { client, nodeName, logger, clock = systemClock } = options;
  const recorder = createEventRecorder(client, {
    component: "kubelet",
    host: nodeName,
    clock,
    onError: (error) => logger.warn({ err: error }, "event not written"),
  });
  const events = new PodEvents(recorder);
  const { manifestFolder: folder } = options;
  const staticPods = folder ? new StaticPods({ folder, client, nodeName, clock, logger }) : undefined;
  let shuttingDown = false;
  const isShuttingDown = () => shuttingDown;
  const env = environment(options, {
    clock,
    events,
    staticPods,
    isShuttingDown,
    wake: (uid) => manager.wake(uid),
    makeRoom: (pod) => manager.makeRoom(pod),
  });
  const { relistPeriod = 30_000, onPodsChanged, onEngineBack } = options;
  const manager = new PodManager({ env, nodeName, relistPeriod, staticPods, onPodsChanged, onEngineBack });
  void manager.start();
  return {
    list: () => manager.list(),
    problem: () => manager.problem(),
    find: (namespace, name) => manager.find(namespace, name),
    containerId: (namespace, pod, container, previous) =>
      containerIdOf(manager.find(namespace, pod), container, previous ?? false),
    evict: (pod, failure) => manager.evict(pod, failure),
    storageOf: (pod) => manager.storageOf(pod),
    networkNamespace: (namespace, pod) => manager.networkNamespace(namespace, pod),
    wantedImages: () => env.images.wanted(),
    shutDown: (grace) => {
      shuttingDown = true;
      return manager.shutDown(grace);
    },
    stop: async () => {
      env.statuses.stop();
      await manager.stop();
      env.probes.stop();
      recorder.stop();
    },
  };
}

interface Shared {
  clock: Clock;
  events: PodEvents;
  staticPods: StaticPods | undefined;
  isShuttingDown(): boolean;
  wake(podUid: string): void;
  makeRoom(pod: Pod): boolean;
}

function environment(
  options: PodsOptions,
  { clock, events, staticPods, isShuttingDown, wake, makeRoom }: Shared,
): PodEnvironment {
  const { client, runtime, network, logger } = options;
  const inApi = (pod: Pod) => (staticPods ? staticPods.inApi(pod) : pod);
  const capacity = options.capacity ?? hostCapacity();
  const directories = new PodDirectories(options.dataDir);
  const config = new ConfigSource(client, () => clock.monotonic());
  const images = imageManager(options, clock);
  const nodeCredentials = new NodeCredentials(options.registryConfigs ?? [], logger);
  const say = (pod: Pod, container: Container, reason: string, message: string) =>
    events.container(pod, container, "Warning", reason, message);
  return {
    client,
    runtime,
    network,
    logger,
    clock,
    events,
    directories,
    logLinks: options.logDir === undefined ? undefined : new LogLinks(options.logDir),
    keptDeadContainers: options.keptDeadContainers ?? 1,
    nodeCredentials,
    inApi,
    config,
    images,
    volumes: new VolumeManager({
      plugins: volumePlugins,
      config,
      tokens: new ServiceAccountTokens(client, clock),
      podDirectory: (uid) => directories.of(uid),
      pluginsDirectory: directories.plugins,
      allocatableMemory: capacity.memory,
      localStorage: options.localStorage ?? join(options.dataDir, "storage"),
      image: (pod, name, source) => volumeImage({ config, events, images, nodeCredentials }, pod, name, source, wake),
      unpackImage: (id, directory) => runtime.exportImage(id, (tar) => unpackImage(tar, directory)),
      downward: (pod, file) => downwardFile(pod, file, capacity),
      run: runProgram,
    }),
    probes: new ProbeManager({ runtime, clock, onChange: wake, say }),
    statuses: new StatusManager({ client, clock, logger, target: inApi }),
    nodeIPs: options.nodeIPs,
    capacity,
    allocations: new Allocations(capacity),
    makeRoom,
    isShuttingDown,
    pressures: options.pressures ?? (() => new Set<PressureType>()),
    storagePeriod: options.storagePeriod ?? 10_000,
    allowedUnsafeSysctls: options.allowedUnsafeSysctls ?? [],
    cgroupRoot: options.cgroupRoot ?? "/",
    podMaxPids: options.podMaxPids,
    dns: { servers: options.clusterDNS ?? [], domain: options.clusterDomain ?? "cluster.local" },
    services: options.services,
    restartBackoff: options.restartBackoff ?? DEFAULT_RESTART_BACKOFF,
    resyncPeriod: options.resyncPeriod ?? 30_000,
  };
}

function imageManager(options: PodsOptions, clock: Clock): ImageManager {
  return new ImageManager({
    runtime: options.runtime,
    clock,
    backoff: options.imageBackoff,
    records: options.imageRecords,
    verifyCredentials: options.verifyImageCredentials,
    parallelPulls: options.maxParallelImagePulls,
  });
}

const DEFAULT_MAX_PODS = 110;

const hostCapacity = (): NodeCapacity => ({
  milliCpu: cpus().length * 1000,
  memory: totalmem(),
  pods: DEFAULT_MAX_PODS,
});

function containerIdOf(pod: Pod | undefined, container: string, previous: boolean): string | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod?.status ?? {};
  const status = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
    ({ name }) => name === container,
  );
  const last = status?.lastState?.terminated?.containerID;
  // Between two runs the log that counts is that of the last one.
  const id = previous || status?.state?.waiting ? last : status?.containerID;
  return id?.replace(/^docker:\/\//, "");
}
