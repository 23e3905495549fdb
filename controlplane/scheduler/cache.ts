import type { Node, Pod } from "#api/generated/types.js";
import { NodeInfo } from "./node-info.js";
import { type PodInfo, podInfo } from "./pod-info.js";

/**
 * Which Pod is on which node, as the scheduler decided it: a Pod counts from the moment a node was chosen (it is
 * "assumed"), not only when the binding comes back by watch.
 */
export class SchedulerCache {
  readonly #nodes = new Map<string, NodeInfo>();
  /** Pod uid → name of the node it counts on. */
  readonly #placed = new Map<string, string>();
  /** Pods of nodes not seen yet (or no more), by node name. */
  readonly #homeless = new Map<string, Map<string, PodInfo>>();
  #snapshot: readonly NodeInfo[] | undefined;

  nodes(): readonly NodeInfo[] {
    this.#snapshot ??= [...this.#nodes.values()];
    return this.#snapshot;
  }

  node(name: string): NodeInfo | undefined {
    return this.#nodes.get(name);
  }

  setNode(node: Node): void {
    const { name } = node.metadata;
    const known = this.#nodes.get(name);
    if (known) {
      known.node = node;
      return;
    }
    const info = new NodeInfo(node);
    for (const pod of this.#homeless.get(name)?.values() ?? []) info.add(pod);
    this.#homeless.delete(name);
    this.#nodes.set(name, info);
    this.#snapshot = undefined;
  }

  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (!info) return;
    this.#nodes.delete(name);
    this.#snapshot = undefined;
    const left = new Map([...info.pods()].map((pod) => [pod.pod.metadata.uid, pod]));
    if (left.size > 0) this.#homeless.set(name, left);
  }

  /** The Pod is on `nodeName`: assumed, or confirmed by watch. */
  place(pod: Pod, nodeName: string, info: PodInfo = podInfo(pod)): void {
    const { uid } = pod.metadata;
    if (this.#placed.get(uid) !== nodeName) this.remove(uid);
    this.#placed.set(uid, nodeName);
    const node = this.#nodes.get(nodeName);
    if (node) {
      node.add(info);
      return;
    }
    const homeless = this.#homeless.get(nodeName) ?? new Map<string, PodInfo>();
    homeless.set(uid, info);
    this.#homeless.set(nodeName, homeless);
  }

  isPlaced(uid: string): boolean {
    return this.#placed.has(uid);
  }

  /** @returns whether the Pod counted anywhere */
  remove(uid: string): boolean {
    const nodeName = this.#placed.get(uid);
    if (nodeName === undefined) return false;
    this.#placed.delete(uid);
    this.#nodes.get(nodeName)?.remove(uid);
    const homeless = this.#homeless.get(nodeName);
    homeless?.delete(uid);
    if (homeless?.size === 0) this.#homeless.delete(nodeName);
    return true;
  }
}
