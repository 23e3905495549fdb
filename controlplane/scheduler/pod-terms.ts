/**
 * What a Pod asks of the company it keeps in a domain, read once.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
 */
import type { Pod, PodAffinityTerm, WeightedPodAffinityTerm } from "#api/generated/types.js";
import { type Labels, matchesLabels, type ParsedSelector, requirementsOf } from "#api/selectors.js";

export interface PodTerm {
  readonly topologyKey: string;
  /** Absent: nobody. */
  readonly selector: ParsedSelector | undefined;
  readonly namespaces: ReadonlySet<string>;
  /** Besides `namespaces`, those with such labels. */
  readonly namespaceSelector: ParsedSelector | undefined;
  /** Of a preference: below zero to stay away. */
  readonly weight: number;
}

export interface PodTerms {
  readonly affinity: readonly PodTerm[];
  readonly antiAffinity: readonly PodTerm[];
  readonly preferences: readonly PodTerm[];
}

/** The labels of a namespace; undefined when it is not known. */
export type NamespaceLabels = (name: string) => Labels;

const NONE: PodTerms = { affinity: [], antiAffinity: [], preferences: [] };

export function podTerms({ metadata, spec }: Pod): PodTerms {
  const { podAffinity: near, podAntiAffinity: far } = spec.affinity ?? {};
  if (!near && !far) return NONE;
  const own = metadata.namespace ?? "";
  const wanted = (list: readonly PodAffinityTerm[] = []) => list.map((term) => parse(term, own, 0));
  const preferred = (sign: 1 | -1, list: readonly WeightedPodAffinityTerm[] = []) =>
    list.map(({ weight, podAffinityTerm }) => parse(podAffinityTerm, own, sign * weight));
  return {
    affinity: wanted(near?.requiredDuringSchedulingIgnoredDuringExecution),
    antiAffinity: wanted(far?.requiredDuringSchedulingIgnoredDuringExecution),
    preferences: [
      ...preferred(1, near?.preferredDuringSchedulingIgnoredDuringExecution),
      ...preferred(-1, far?.preferredDuringSchedulingIgnoredDuringExecution),
    ],
  };
}

function parse(term: PodAffinityTerm, ownNamespace: string, weight: number): PodTerm {
  const { topologyKey, labelSelector, namespaces = [], namespaceSelector } = term;
  const isSilent = namespaces.length === 0 && !namespaceSelector;
  return {
    topologyKey,
    selector: labelSelector && requirementsOf(labelSelector),
    namespaces: new Set(isSilent ? [ownNamespace] : namespaces),
    namespaceSelector: namespaceSelector && requirementsOf(namespaceSelector),
    weight,
  };
}

/** Whether the term speaks of this Pod. */
export function selectsPod(term: PodTerm, { metadata }: Pod, namespaceLabels: NamespaceLabels): boolean {
  if (!term.selector || !matchesLabels(term.selector, metadata.labels)) return false;
  const namespace = metadata.namespace ?? "";
  if (term.namespaces.has(namespace)) return true;
  // An empty selector takes every namespace, those not heard of yet too.
  return term.namespaceSelector !== undefined && matchesLabels(term.namespaceSelector, namespaceLabels(namespace));
}
