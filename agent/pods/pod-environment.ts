import type { Logger } from "pino";
import type { Pod } from "#api/generated/types.js";
import type { Client } from "#client/client.js";
import type { Clock } from "#client/clock.js";
import type { PressureType } from "../eviction/signals.js";
import type { ImageManager } from "../images/image-manager.js";
import type { NodeCredentials } from "../images/node-credentials.js";
import type { PodNetwork } from "../network/network.js";
import type { ProbeManager } from "../probes/probe-manager.js";
import type { Runtime } from "../runtime/runtime.js";
import type { StatusManager } from "../status/status-manager.js";
import type { ConfigSource } from "../volumes/config-source.js";
import type { VolumeManager } from "../volumes/volume-manager.js";
import type { Allocations } from "./allocations.js";
import type { NodeCapacity } from "./downward-fields.js";
import type { LogLinks } from "./log-links.js";
import type { PodDirectories } from "./pod-directories.js";
import type { PodEvents } from "./pod-events.js";
import type { ClusterDns } from "./resolv-conf.js";
import type { RestartBackoff } from "./restart-backoff.js";
import type { ServiceDirectory } from "./service-env.js";

/** What every Pod worker of a node shares. */
export interface PodEnvironment {
  client: Client;
  runtime: Runtime;
  network: PodNetwork;
  images: ImageManager;
  volumes: VolumeManager;
  config: ConfigSource;
  probes: ProbeManager;
  statuses: StatusManager;
  events: PodEvents;
  directories: PodDirectories;
  /** Absent: there are no links to container logs. */
  logLinks: LogLinks | undefined;
  /** How many attempts of a container before the current one stay on the node. */
  keptDeadContainers: number;
  nodeCredentials: NodeCredentials;
  /** The Pod in the API that stands for this one: itself, or the mirror of one that is the node's own, if there is one. */
  inApi(pod: Pod): Pod | undefined;
  clock: Clock;
  logger: Logger;
  nodeIPs: readonly string[];
  capacity: NodeCapacity;
  allocations: Allocations;
  /** Ends others for a critical Pod that does not fit; false: that would not be enough, and nothing was done. */
  makeRoom(pod: Pod): boolean;
  /** The host goes down: nothing new is taken on. */
  isShuttingDown(): boolean;
  /** What the node is short of. */
  pressures(): ReadonlySet<PressureType>;
  /** How often it is looked at what Pods with limits have on the disk, milliseconds. */
  storagePeriod: number;
  allowedUnsafeSysctls: readonly string[];
  cgroupRoot: string;
  /** Processes that a Pod may have; undefined: no bound of its own. */
  podMaxPids: number | undefined;
  dns: ClusterDns;
  services: ServiceDirectory | undefined;
  restartBackoff: RestartBackoff;
  /** How often volumes are brought up to date and everything is looked at again, milliseconds. */
  resyncPeriod: number;
}

/** How a Pod is named in messages: "web_default(uid)". */
export function podLabel({ metadata }: Pod): string {
  return `${metadata.name}_${metadata.namespace}(${metadata.uid})`;
}
