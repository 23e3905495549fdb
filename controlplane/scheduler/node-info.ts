import type { Node } from "#api/generated/types.js";
import { accumulate, type Resources, toResources } from "#api/pod-resources.js";
import type { HostPort, PodInfo } from "./pod-info.js";

const ANY_ADDRESS = new Set(["0.0.0.0", "::"]);

/** A node and what is placed on it, with the sums the plugins need kept up to date. */
export class NodeInfo {
  #node: Node;
  #allocatable: Resources;
  readonly #pods = new Map<string, PodInfo>();
  readonly #choosy = new Map<string, PodInfo>();
  readonly #requested = new Map<string, number>();
  readonly #scored = new Map<string, number>();
  readonly #owners = new Map<string, number>();

  constructor(node: Node) {
    this.#node = node;
    this.#allocatable = toResources(node.status?.allocatable);
  }

  get node(): Node {
    return this.#node;
  }

  set node(node: Node) {
    this.#node = node;
    this.#allocatable = toResources(node.status?.allocatable);
  }

  get name(): string {
    return this.#node.metadata.name;
  }

  get allocatable(): Resources {
    return this.#allocatable;
  }

  get requested(): Resources {
    return this.#requested;
  }

  get scored(): Resources {
    return this.#scored;
  }

  get podCount(): number {
    return this.#pods.size;
  }

  pods(): Iterable<PodInfo> {
    return this.#pods.values();
  }

  /** Those of them that want others near or far. */
  choosyPods(): Iterable<PodInfo> {
    return this.#choosy.values();
  }

  /** How many Pods here the same owner manages. */
  siblings(owner: string): number {
    return this.#owners.get(owner) ?? 0;
  }

  /** One port of one protocol can be taken once for each address, and 0.0.0.0 means all addresses. */
  hasFreePort(wanted: HostPort): boolean {
    for (const { hostPorts } of this.#pods.values()) {
      for (const { ip, protocol, port } of hostPorts) {
        if (port !== wanted.port || protocol !== wanted.protocol) continue;
        if (ip === wanted.ip || ANY_ADDRESS.has(ip) || ANY_ADDRESS.has(wanted.ip)) return false;
      }
    }
    return true;
  }

  /** Adds the Pod, or takes the place of an older version of it. */
  add(info: PodInfo): void {
    this.remove(info.pod.metadata.uid);
    this.#pods.set(info.pod.metadata.uid, info);
    if (isChoosy(info)) this.#choosy.set(info.pod.metadata.uid, info);
    this.#count(info, 1);
  }

  remove(uid: string): boolean {
    const info = this.#pods.get(uid);
    if (!info) return false;
    this.#pods.delete(uid);
    this.#choosy.delete(uid);
    this.#count(info, -1);
    return true;
  }

  /** A copy without some of its Pods. */
  without(pods: ReadonlySet<PodInfo>): NodeInfo {
    const copy = new NodeInfo(this.#node);
    for (const pod of this.#pods.values()) if (!pods.has(pod)) copy.add(pod);
    return copy;
  }

  /** A copy with more Pods. */
  with(pods: readonly PodInfo[]): NodeInfo {
    const copy = this.without(new Set());
    for (const pod of pods) copy.add(pod);
    return copy;
  }

  #count(info: PodInfo, sign: 1 | -1): void {
    accumulate(this.#requested, info.requests, sign);
    accumulate(this.#scored, info.scored, sign);
    if (!info.owner) return;
    const siblings = this.siblings(info.owner) + sign;
    if (siblings > 0) this.#owners.set(info.owner, siblings);
    else this.#owners.delete(info.owner);
  }
}

const isChoosy = ({ terms }: PodInfo) =>
  terms.affinity.length + terms.antiAffinity.length + terms.preferences.length > 0;
