/** The Pod network as the Pod workers see it. Behind it: a CNI runtime and the node's routes and guards. */

export interface PodNetwork {
  /**
   * Attaches the Pod; idempotent for one sandbox id: a second call returns the first result. The intent is on disk before
   * the first plugin runs, so that a kill at any point is cleaned up by `collect`.
   */
  attach(pod: NetworkPod): Promise<NetworkStatus>;
  /** Takes the Pod off the network and frees its addresses; succeeds when there is nothing to do. */
  detach(pod: Pick<NetworkPod, "sandboxId"> & Partial<NetworkPod>): Promise<void>;
  /** Detaches every sandbox that has an attachment on disk and is not among these ids. */
  collect(livingSandboxIds: ReadonlySet<string>): Promise<void>;
  /** Undefined when ready; else what is missing, worded for the Node's Ready condition. */
  problem(): Promise<string | undefined>;
}

export interface NetworkPod {
  sandboxId: string;
  namespace: string;
  name: string;
  uid: string;
  /** Path of the network namespace, "/proc/<pid>/ns/net". */
  netns: string;
  hostPorts: readonly HostPort[];
}

export interface HostPort {
  hostPort: number;
  containerPort: number;
  protocol: "tcp" | "udp" | "sctp";
  hostIP: string;
}

export interface NetworkStatus {
  /** The Pod's addresses, without prefix length, IPv4 first. */
  ips: readonly string[];
}

/** A Pod as it is on the network now. */
export interface AttachedPod extends NetworkStatus {
  namespace: string;
  name: string;
  uid: string;
}
