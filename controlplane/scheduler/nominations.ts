import type { NodeInfo } from "./node-info.js";
import { type PodInfo, priorityOf } from "./pod-info.js";

/** Room that is kept for Pods until those whose place they take have gone. */
export class Nominations {
  readonly #byUid = new Map<string, { info: PodInfo; nodeName: string }>();

  set(info: PodInfo, nodeName: string): void {
    this.#byUid.set(info.pod.metadata.uid, { info, nodeName });
  }

  nodeOf(uid: string): string | undefined {
    return this.#byUid.get(uid)?.nodeName;
  }

  /** @returns whether there was one */
  delete(uid: string): boolean {
    return this.#byUid.delete(uid);
  }

  /** Takes them from those that are less important: they have to look again. */
  outrank(nodeName: string, by: PodInfo): PodInfo[] {
    const outranked = [...this.#byUid.values()]
      .filter((each) => each.nodeName === nodeName && priorityOf(each.info) < priorityOf(by))
      .map(({ info }) => info);
    for (const { pod } of outranked) this.#byUid.delete(pod.metadata.uid);
    return outranked;
  }

  /** The nodes as they are for a Pod: with those on them that room is kept for, unless it is more important itself. */
  crowd(nodes: readonly NodeInfo[], pod: PodInfo): readonly NodeInfo[] {
    const others = [...this.#byUid.values()].filter(
      ({ info }) => info.pod.metadata.uid !== pod.pod.metadata.uid && priorityOf(info) >= priorityOf(pod),
    );
    if (others.length === 0) return nodes;
    return nodes.map((node) => {
      const here = others.filter(({ nodeName }) => nodeName === node.name).map(({ info }) => info);
      return here.length > 0 ? node.with(here) : node;
    });
  }
}
