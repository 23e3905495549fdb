/** Which Pod goes first when the node runs out of something. */
import type { Pod } from "#api/generated/types.js";

export interface Candidate {
  pod: Pod;
  /** What it uses of the resource, in whole units; undefined: not known. */
  used: number | undefined;
  /** What it asked for; 0 for what cannot be asked for (inodes, process ids). */
  requested: number;
}

/**
 * In the order in which they go: those of which nothing is known, those that use more than they asked for, those of low
 * priority, those that exceed their request most.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#pod-selection-for-kubelet-eviction
 * @param byExcess false for process ids, of which nobody can ask for any: priority and use decide
 */
export function evictionOrder(candidates: readonly Candidate[], byExcess = true): Candidate[] {
  const exceeds = ({ used = 0, requested }: Candidate) => (byExcess && used > requested ? 0 : 1);
  const known = ({ used }: Candidate) => (used === undefined ? 0 : 1);
  const priority = ({ pod }: Candidate) => pod.spec.priority ?? 0;
  const excess = ({ used = 0, requested }: Candidate) => used - requested;
  return [...candidates].sort(
    (a, b) => known(a) - known(b) || exceeds(a) - exceeds(b) || priority(a) - priority(b) || excess(b) - excess(a),
  );
}
