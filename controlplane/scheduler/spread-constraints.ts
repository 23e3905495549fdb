/**
 * `topologySpreadConstraints` of a Pod, and which nodes and Pods they speak of.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
 */
import type { Pod, TopologySpreadConstraint } from "#api/generated/types.js";
import { matchesNodeSelection } from "#api/node-selector.js";
import { matchesLabels, type ParsedSelector, requirementsOf } from "#api/selectors.js";
import { untoleratedTaint } from "#api/taints.js";
import type { NodeInfo } from "./node-info.js";
import { topologyValue } from "./topology-counts.js";

export interface SpreadConstraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  /** Absent: nobody. */
  readonly selector: ParsedSelector | undefined;
  /** Whether the Pod counts once it is there. */
  readonly selectsItself: boolean;
  /** Whether Pods on this node count, and its domain with them. */
  includes(node: NodeInfo): boolean;
}

export function spreadConstraints(pod: Pod, action: "DoNotSchedule" | "ScheduleAnyway"): SpreadConstraint[] {
  const all = pod.spec.topologySpreadConstraints ?? [];
  return all
    .filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action)
    .map((constraint) => parse(constraint, pod));
}

function parse(constraint: TopologySpreadConstraint, pod: Pod): SpreadConstraint {
  const { topologyKey, maxSkew, minDomains = 1, labelSelector } = constraint;
  const selector = labelSelector && requirementsOf(labelSelector);
  const byAffinity = constraint.nodeAffinityPolicy !== "Ignore";
  const byTaints = constraint.nodeTaintsPolicy === "Honor";
  return {
    topologyKey,
    maxSkew,
    minDomains,
    selector,
    selectsItself: selector !== undefined && matchesLabels(selector, pod.metadata.labels),
    includes: ({ node }) =>
      (!byAffinity || matchesNodeSelection(pod, node)) &&
      !(byTaints && untoleratedTaint(node.spec.taints, pod.spec.tolerations)),
  };
}

/** A node without one of the labels is in no domain, and nothing on it counts. */
export const hasAllDomains = (node: NodeInfo, constraints: readonly SpreadConstraint[]) =>
  constraints.every(({ topologyKey }) => topologyValue(node, topologyKey) !== undefined);

/** How many Pods of the namespace on this node the constraint is about; not those that are ending. */
export function countSelected({ selector }: SpreadConstraint, node: NodeInfo, namespace: string | undefined): number {
  if (!selector) return 0;
  let count = 0;
  for (const { pod } of node.pods()) {
    const { metadata } = pod;
    if (metadata.namespace !== namespace || metadata.deletionTimestamp) continue;
    if (matchesLabels(selector, metadata.labels)) count++;
  }
  return count;
}
