/** What one agent is told at its start. The command line fills it in; tests too. */
import type { Logger } from "pino";
import type { EvictionFlags } from "./eviction/thresholds.js";
import type { ImageGcPolicy } from "./images/image-gc.js";
import type { ReservationFlags } from "./node/reservations.js";
import type { LogRotation } from "./runtime/runtime.js";

export interface AgentOptions extends EvictionFlags, ReservationFlags {
  /** URL of the API server. */
  server: string;
  /** Join token; needed until the node has joined. */
  token?: string;
  nodeName: string;
  nodeIP?: string;
  interface?: string;
  /** The agent keeps its state in `<dataDir>/agent`. */
  dataDir: string;
  runDir: string;
  /** Path of the engine's socket. */
  dockerSocket: string;
  /** The node's own cgroup, "/" unless several nodes share the host. */
  cgroupRoot: string;
  labels: Readonly<Record<string, string>>;
  /** Folder with manifests of Pods that the node runs on its own account. */
  podManifestPath?: string;
  /** Seconds that Pods have to end when the host goes down, default 30; of these, the last for critical ones, default 10. */
  shutdownGracePeriod?: number;
  shutdownGracePeriodCriticalPods?: number;
  maxPods: number;
  /** "cpu=1,memory=2Gi": what the node has of a host that it shares with others. Default: all of it. */
  nodeCapacity?: string;
  /** Processes that a Pod may have; absent: no bound of its own. */
  podMaxPids?: number;
  /** A duration ("5m"): how long a pressure stays after it was last seen. Default 5 minutes. */
  evictionPressureTransitionPeriod?: string;
  /** Seconds that Pods get at most to end at a soft threshold. Default 0. */
  evictionMaxPodGracePeriod?: number;
  /** Whether a Pod must have a credential for an image that another Pod's credential brought here; default true. */
  verifyImageCredentials?: boolean;
  /** Images pulled at a time, default 3. */
  maxParallelImagePulls?: number;
  /** Files with the node's own credentials for registries, in the order in which they are looked at. */
  registryConfigs?: readonly string[];
  imageGc?: ImageGcPolicy;
  containerLogs?: LogRotation;
  /** How many attempts of a container before the current one stay on the node, with their logs; default 1. */
  keptDeadContainers?: number;
  /** Sysctls that Pods may set besides the safe ones; "net.core.*" means all that begin so. */
  allowedUnsafeSysctls?: readonly string[];
  sandboxImage?: string;
  cniConfDir?: string;
  cniBinDir?: string;
  kubeletPort: number;
  /** Port of the plain /healthz on 127.0.0.1; 0 is none. */
  healthzPort: number;
  logger: Logger;
}

export interface Agent {
  readonly nodeName: string;
  /** The host goes down: ends the Pods, then stops. */
  shutDown(): Promise<void>;
  /** Leaves every container running. */
  stop(): Promise<void>;
}
