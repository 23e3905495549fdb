/**
 * Which Pods a full node ends for a critical one that it is given: by name of the node, or from a file. (The scheduler sends none to
 * a full node.) The fewest of the least protected, as the kubelet's.
 * https://kubernetes.io/docs/tasks/administer-cluster/guaranteed-scheduling-critical-addon-pods/
 */
import type { Pod } from "#api/generated/types.js";
import type { Resources } from "#api/pod-resources.js";
import { isMirror } from "#api/pod-state.js";
import { isStatic } from "../static-pods/manifest.js";
import type { Shortage } from "./allocations.js";
import { isCritical } from "./critical.js";
import type { PodFailure } from "./pod-admission.js";
import { type QosClass, qosClass } from "./qos.js";

export const PREEMPTED: PodFailure = {
  reason: "Preempting",
  message: "Preempted in order to admit critical pod",
  disruption: true,
};

/** A Pod, and what the node has promised to it. */
export interface Holder {
  pod: Pod;
  held: Resources;
}

/** The node's own Pods stay: their files would bring them back. */
export function mayPreempt(pod: Pod, other: Pod): boolean {
  if (!isCritical(pod) || isStatic(other) || isMirror(other)) return false;
  return !isCritical(other) || (pod.spec.priority ?? 0) > (other.spec.priority ?? 0);
}

/** What is missing, less what those give back who go already; only what is still above 0. */
export function missing(shortages: readonly Shortage[], going: readonly Holder[]): Resources {
  const needs = new Map(
    shortages.map(({ resource, requested, used, capacity }) => [resource, requested - (capacity - used)]),
  );
  return without(needs, going);
}

const PROTECTION: readonly QosClass[] = ["Guaranteed", "Burstable", "BestEffort"];

/** @returns undefined when all candidates together would not be enough */
export function victims(needs: Resources, candidates: readonly Holder[]): Holder[] | undefined {
  const chosen: Holder[] = [];
  for (const [n, qos] of PROTECTION.entries()) {
    const of = (classes: readonly QosClass[]) => candidates.filter(({ pod }) => classes.includes(qosClass(pod)));
    // A class loses what all those less protected could not give.
    const fewest = nearest(without(without(needs, of(PROTECTION.slice(n + 1))), chosen), of([qos]));
    if (!fewest) return undefined;
    chosen.push(...fewest);
  }
  return chosen;
}

/** One after the other the Pod that comes nearest to what is needed; of two that come as near, the one that holds less. */
function nearest(needs: Resources, candidates: readonly Holder[]): Holder[] | undefined {
  const chosen: Holder[] = [];
  for (let left = needs; left.size > 0; left = without(needs, chosen)) {
    const [best] = candidates
      .filter((candidate) => !chosen.includes(candidate) && sizeOf(candidate, left) > 0)
      .sort((a, b) => distance(left, a) - distance(left, b) || sizeOf(a, left) - sizeOf(b, left));
    if (!best) return undefined;
    chosen.push(best);
  }
  return chosen;
}

/** Of what is needed, the shares that the Pod would not give, squared. */
function distance(needs: Resources, { held }: Holder): number {
  let sum = 0;
  for (const [resource, need] of needs) sum += (Math.max(0, need - (held.get(resource) ?? 0)) / need) ** 2;
  return sum;
}

function sizeOf({ held }: Holder, needs: Resources): number {
  let sum = 0;
  for (const [resource, need] of needs) sum += (held.get(resource) ?? 0) / need;
  return sum;
}

function without(needs: Resources, holders: readonly Holder[]): Resources {
  const left = new Map<string, number>();
  for (const [resource, need] of needs) {
    const rest = holders.reduce((sum, { held }) => sum - (held.get(resource) ?? 0), need);
    if (rest > 0) left.set(resource, rest);
  }
  return left;
}
