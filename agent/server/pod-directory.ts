import type { Pod } from "#api/generated/types.js";

/** What the endpoint needs to know about the Pods of this node; the Pod workers provide it. */
export interface PodDirectory {
  /** Every Pod of the node, with its current status. */
  list(): readonly Pod[];
  find(namespace: string, name: string): Pod | undefined;
  /** The engine's id of the container's current (or, with `previous`, last terminated) instance. */
  containerId(namespace: string, pod: string, container: string, previous?: boolean): string | undefined;
  /** Path of the network namespace the Pod is in, which may be the node's; undefined while its sandbox does not run. */
  networkNamespace(namespace: string, pod: string): string | undefined;
}
