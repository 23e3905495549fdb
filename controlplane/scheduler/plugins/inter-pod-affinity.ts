/**
 * Pods that want to be near others, or far from them, in domains that a label of the nodes makes.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
 */
import type { Plugin, Rejection } from "../framework.js";
import type { NodeInfo } from "../node-info.js";
import type { PodInfo } from "../pod-info.js";
import { type NamespaceLabels, type PodTerm, selectsPod } from "../pod-terms.js";
import { TopologyCounts, topologyValue } from "../topology-counts.js";

/** Pods that matter, counted in every domain. */
interface Company {
  /** Those which all of the Pod's affinity terms select. */
  readonly wanted: TopologyCounts;
  /** There are none of those anywhere, and the Pod would be one. */
  readonly isFirst: boolean;
  /** Those which an anti-affinity term of the Pod selects. */
  readonly unwanted: TopologyCounts;
  /** Those which do not want the Pod. */
  readonly unwelcoming: TopologyCounts;
}

/** How much a Pod that must be near the new one counts, beside the weights of preferences. */
const REQUIRED_WEIGHT = 1;

type Selects = (term: PodTerm, other: PodInfo) => boolean;

function countCompany(pod: PodInfo, nodes: readonly NodeInfo[], selects: Selects): Company {
  const { affinity, antiAffinity } = pod.terms;
  const [wanted, unwanted, unwelcoming] = [new TopologyCounts(), new TopologyCounts(), new TopologyCounts()];
  for (const node of nodes) {
    for (const { terms } of node.choosyPods())
      for (const term of terms.antiAffinity) if (selects(term, pod)) unwelcoming.add(term.topologyKey, node, 1);
    if (affinity.length + antiAffinity.length === 0) continue;
    for (const other of node.pods()) {
      if (affinity.every((term) => selects(term, other)))
        for (const { topologyKey } of affinity) wanted.add(topologyKey, node, 1);
      for (const term of antiAffinity) if (selects(term, other)) unwanted.add(term.topologyKey, node, 1);
    }
  }
  // The first of a group that wants to be together finds nobody: itself is enough.
  const isFirst = wanted.isEmpty && affinity.every((term) => selects(term, pod));
  return { wanted, isFirst, unwanted, unwelcoming };
}

function filter({ terms }: PodInfo, node: NodeInfo, company: Company): Rejection | undefined {
  const { affinity, antiAffinity } = terms;
  const hasDomains = affinity.every(({ topologyKey }) => topologyValue(node, topologyKey) !== undefined);
  const isNear = affinity.every(({ topologyKey }) => company.wanted.of(topologyKey, node) > 0);
  if (!hasDomains || !(isNear || company.isFirst))
    return { reasons: ["node(s) didn't match pod affinity rules"], unresolvable: true };
  if (antiAffinity.some(({ topologyKey }) => company.unwanted.of(topologyKey, node) > 0))
    return { reasons: ["node(s) didn't match pod anti-affinity rules"] };
  if (company.unwelcoming.sumFor(node) > 0)
    return { reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"] };
  return undefined;
}

/** What speaks for each domain, by the preferences of the Pod and of those that are there. */
function weighCompany(pod: PodInfo, nodes: readonly NodeInfo[], selects: Selects): TopologyCounts {
  const weights = new TopologyCounts();
  const { preferences } = pod.terms;
  for (const node of nodes) {
    for (const { terms } of node.choosyPods()) {
      for (const term of terms.affinity) if (selects(term, pod)) weights.add(term.topologyKey, node, REQUIRED_WEIGHT);
      for (const term of terms.preferences) if (selects(term, pod)) weights.add(term.topologyKey, node, term.weight);
    }
    if (preferences.length === 0) continue;
    for (const other of node.pods())
      for (const term of preferences) if (selects(term, other)) weights.add(term.topologyKey, node, term.weight);
  }
  return weights;
}

export function interPodAffinity(namespaceLabels: NamespaceLabels): Plugin {
  const selects: Selects = (term, { pod }) => selectsPod(term, pod, namespaceLabels);
  return {
    name: "InterPodAffinity",
    wakesOn: ["node-added", "node-changed", "pod-added", "pod-changed", "pod-removed"],
    preFilter: (pod, nodes) => countCompany(pod, nodes, selects),
    filter: (pod, node, company) => filter(pod, node, company as Company),
    scoring: {
      weight: 2,
      prepare: (pod, _, nodes) => weighCompany(pod, nodes, selects),
      score: (_, node, weights) => (weights as TopologyCounts).sumFor(node),
      normalize(scores) {
        const min = Math.min(...scores);
        const range = Math.max(...scores) - min;
        return scores.map((score) => (range === 0 ? 0 : (100 * (score - min)) / range));
      },
    },
  };
}
