/**
 * The extension points of scheduling, called in this order for each Pod: preFilter once, filter for each node until the
 * first rejection, score for each node that is left, reserve on the chosen one, preBind, bind. Plugins are values, one file
 * each, registered in `plugins/index.ts`. All but preBind and bind are synchronous and must be quick.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/scheduling-framework/
 */
import type { Pod } from "#api/generated/types.js";
import type { NodeInfo } from "./node-info.js";
import type { PodInfo } from "./pod-info.js";

/** What happened that may let a rejected Pod fit. */
export type ClusterChange =
  | "node-added"
  | "node-changed"
  | "pod-removed"
  | "pod-added"
  | "pod-changed"
  | "volumes-changed";

/** Why a Pod cannot go to a node. */
export interface Rejection {
  /** As counted in the FailedScheduling Event: "Insufficient cpu". */
  readonly reasons: readonly string[];
  /** Removing Pods from the node would not help. */
  readonly unresolvable?: boolean;
  /** It is about the Pod, not about this node: said once, without a count. */
  readonly everywhere?: boolean;
}

export interface Plugin {
  readonly name: string;
  /** Changes after which a Pod this plugin rejected is tried again. */
  readonly wakesOn?: readonly ClusterChange[];
  /** Looks at the Pod and all nodes once; what it returns is passed to `filter` and `score` as `state`. */
  preFilter?(pod: PodInfo, nodes: readonly NodeInfo[]): unknown;
  filter?(pod: PodInfo, node: NodeInfo, state: unknown): Rejection | undefined;
  readonly scoring?: Scoring;
  /** Called when a node was chosen, in order; throwing undoes the earlier ones and gives the attempt up. */
  reserve?(pod: PodInfo, node: NodeInfo): void;
  /** Undoes `reserve` after a failure further on. Never throws. */
  unreserve?(pod: PodInfo, node: NodeInfo): void;
  /** What must be there before the Pod is bound. Throwing undoes what was reserved. */
  preBind?(pod: PodInfo, node: NodeInfo): Promise<void>;
  /** Tells the API. The first plugin that has it does it. */
  bind?(pod: Pod, nodeName: string): Promise<void>;
}

export interface Scoring {
  /** How much the plugin's scores count beside those of others. */
  readonly weight: number;
  /** Looks at the Pod, the nodes that are left and all nodes once; `score` gets what it returns in place of `preFilter`'s. */
  prepare?(pod: PodInfo, feasible: readonly NodeInfo[], nodes: readonly NodeInfo[]): unknown;
  /** Any number; higher is better. */
  score(pod: PodInfo, node: NodeInfo, state: unknown): number;
  /** Brings the scores of all nodes to 0..100. When absent, `score` gives 0..100 itself. */
  normalize?(scores: readonly number[]): number[];
}

/** The best gets 100, the others their share of it. `reverse`: the lower the better. */
export function normalizeToMax(scores: readonly number[], reverse = false): number[] {
  const max = Math.max(0, ...scores);
  if (max === 0) return scores.map(() => (reverse ? 100 : 0));
  return scores.map((score) => {
    const share = (100 * score) / max;
    return reverse ? 100 - share : share;
  });
}
