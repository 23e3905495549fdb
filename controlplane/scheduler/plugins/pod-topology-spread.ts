/**
 * Pods that are to be spread evenly over domains that a label of the nodes makes: zones, or the nodes themselves.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
 */
import type { Plugin, Rejection } from "../framework.js";
import type { NodeInfo } from "../node-info.js";
import type { PodInfo } from "../pod-info.js";
import { countSelected, hasAllDomains, type SpreadConstraint, spreadConstraints } from "../spread-constraints.js";
import { TopologyCounts, topologyValue } from "../topology-counts.js";

/** What must hold. */
interface Skews {
  readonly constraint: SpreadConstraint;
  readonly counts: TopologyCounts;
  /** In the domain that has the fewest. */
  readonly fewest: number;
}

function measureSkews({ pod }: PodInfo, nodes: readonly NodeInfo[]): Skews[] {
  const constraints = spreadConstraints(pod, "DoNotSchedule");
  if (constraints.length === 0) return [];
  const inDomains = nodes.filter((node) => hasAllDomains(node, constraints));
  return constraints.map((constraint) => {
    const counts = countDomains(constraint, inDomains, pod.metadata.namespace);
    const domains = counts.domains(constraint.topologyKey);
    const fewest = domains.size < constraint.minDomains ? 0 : Math.min(...domains.values());
    return { constraint, counts, fewest };
  });
}

function countDomains(constraint: SpreadConstraint, nodes: readonly NodeInfo[], namespace: string | undefined) {
  const counts = new TopologyCounts();
  for (const node of nodes)
    if (constraint.includes(node)) counts.add(constraint.topologyKey, node, countSelected(constraint, node, namespace));
  return counts;
}

function filter(_: PodInfo, node: NodeInfo, state: unknown): Rejection | undefined {
  const reason = "node(s) didn't match pod topology spread constraints";
  for (const { constraint, counts, fewest } of state as Skews[]) {
    const { topologyKey, maxSkew, selectsItself } = constraint;
    if (topologyValue(node, topologyKey) === undefined)
      return { reasons: [`${reason} (missing required label)`], unresolvable: true };
    if (counts.of(topologyKey, node) + Number(selectsItself) - fewest > maxSkew) return { reasons: [reason] };
  }
  return undefined;
}

/** What should hold. A domain counts the less, the more of them there are. */
interface Leanings {
  readonly constraints: readonly SpreadConstraint[];
  readonly parts: readonly { counts: TopologyCounts; weight: number; maxSkew: number; topologyKey: string }[];
}

function measureLeanings({ pod }: PodInfo, feasible: readonly NodeInfo[], nodes: readonly NodeInfo[]): Leanings {
  const constraints = spreadConstraints(pod, "ScheduleAnyway");
  if (constraints.length === 0) return { constraints, parts: [] };
  const candidates = feasible.filter((node) => hasAllDomains(node, constraints));
  const inDomains = nodes.filter((node) => hasAllDomains(node, constraints));
  const parts = constraints.map((constraint) => {
    const { topologyKey, maxSkew } = constraint;
    const domains = new Set(candidates.map((node) => topologyValue(node, topologyKey)));
    const counts = countDomains(constraint, inDomains, pod.metadata.namespace);
    return { counts, weight: Math.log(domains.size + 2), maxSkew, topologyKey };
  });
  return { constraints, parts };
}

/** Of a node in no domain: it gets the least. */
const OUTSIDE = -1;

export const podTopologySpread: Plugin = {
  name: "PodTopologySpread",
  wakesOn: ["node-added", "node-changed", "pod-added", "pod-changed", "pod-removed"],
  preFilter: measureSkews,
  filter,
  scoring: {
    weight: 2,
    prepare: measureLeanings,
    score(_, node, state) {
      const { constraints, parts } = state as Leanings;
      if (!hasAllDomains(node, constraints)) return OUTSIDE;
      const each = parts.map(
        ({ counts, weight, maxSkew, topologyKey }) => counts.of(topologyKey, node) * weight + maxSkew - 1,
      );
      return Math.round(each.reduce((a, b) => a + b, 0));
    },
    normalize(scores) {
      const inside = scores.filter((score) => score !== OUTSIDE);
      const [min, max] = [Math.min(...inside), Math.max(...inside)];
      return scores.map((score) => {
        if (score === OUTSIDE) return 0;
        return max === 0 ? 100 : (100 * (max + min - score)) / max;
      });
    },
  },
};
