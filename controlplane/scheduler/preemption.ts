/**
 * Whom a Pod that fits nowhere may take the place of. Pure: it decides, and changes nothing.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/#preemption
 */
import { guards } from "#api/disruption.js";
import type { PodDisruptionBudget } from "#api/generated/types.js";
import { isMirror } from "#api/pod-state.js";
import { type NodeRejection, rejectionOn } from "./choose-node.js";
import type { Plugin } from "./framework.js";
import type { NodeInfo } from "./node-info.js";
import { type PodInfo, priorityOf } from "./pod-info.js";

export interface Preemption {
  readonly nodeName: string;
  /** The most important one first. */
  readonly victims: readonly PodInfo[];
  /** So many of them that disruption budgets would keep. */
  readonly violations: number;
}

/** Why a node has nobody to offer, in the order of the rejections. */
export type PreemptionRefusals = readonly (readonly string[])[];

/** Of a large cluster not every node has to be looked at. */
const ENOUGH_OFFERS = 100;

const NO_HELP = ["Preemption is not helpful for scheduling"];
const NO_VICTIMS = ["No preemption victims found for incoming pod"];

/** What speaks for and against the choice of victims. */
export interface Considerations {
  readonly plugins: readonly Plugin[];
  readonly budgets: readonly PodDisruptionBudget[];
}

/** @param rejections one for each of `nodes`, in their order */
export function choosePreemption(
  pod: PodInfo,
  nodes: readonly NodeInfo[],
  rejections: readonly NodeRejection[],
  considerations: Considerations,
): Preemption | PreemptionRefusals {
  const offers: Preemption[] = [];
  const refusals = rejections.map((rejection, i) => {
    if (rejection.unresolvable) return NO_HELP;
    if (offers.length >= ENOUGH_OFFERS) return [];
    const found = victimsOn(pod, i, nodes, considerations);
    if (!("nodeName" in found)) return found;
    offers.push(found);
    return [];
  });
  return offers.sort(byHarm)[0] ?? refusals;
}

/**
 * As few as possible: all that are less important go, and then come back one by one as long as the Pod still fits; first those
 * that disruption budgets would keep.
 */
function victimsOn(
  pod: PodInfo,
  index: number,
  nodes: readonly NodeInfo[],
  { plugins, budgets }: Considerations,
): Preemption | readonly string[] {
  const node = nodes[index] as NodeInfo;
  const lesser = [...node.pods()]
    .filter((other) => priorityOf(other) < priorityOf(pod) && !isMirror(other.pod))
    .sort(byImportance);
  if (lesser.length === 0) return NO_VICTIMS;
  const without = new Set(lesser);
  const rejection = () => {
    const changed = nodes.with(index, node.without(without));
    return rejectionOn(pod, index, changed, plugins);
  };
  const still = rejection();
  if (still) return still.reasons;
  const kept = keptByBudgets(lesser, budgets);
  for (const other of [...kept, ...lesser.filter((each) => !kept.has(each))]) {
    without.delete(other);
    if (rejection()) without.add(other);
  }
  const victims = lesser.filter((other) => without.has(other));
  return { nodeName: node.name, victims, violations: victims.filter((each) => kept.has(each)).length };
}

/** Those whose end some budget has no room for, after the more important ones have taken from it. */
function keptByBudgets(lesser: readonly PodInfo[], budgets: readonly PodDisruptionBudget[]): ReadonlySet<PodInfo> {
  const left = new Map(budgets.map((budget) => [budget, budget.status?.disruptionsAllowed ?? 0]));
  const kept = new Set<PodInfo>();
  for (const each of lesser) {
    for (const [budget, allowed] of left) {
      const isCounted = budget.status?.disruptedPods?.[each.pod.metadata.name] !== undefined;
      if (isCounted || !guards(budget, each.pod)) continue;
      left.set(budget, allowed - 1);
      if (allowed <= 0) kept.add(each);
    }
  }
  return kept;
}

/** The more important first, of equal ones that which has been there longer. */
function byImportance(a: PodInfo, b: PodInfo): number {
  return priorityOf(b) - priorityOf(a) || startOf(a).localeCompare(startOf(b));
}

const startOf = ({ pod }: PodInfo) => pod.status?.startTime ?? pod.metadata.creationTimestamp ?? "";

/** The fewer violations of budgets, then whose most important victim is the least so, then the smaller sum, then fewer, then who has run for the shortest time. */
function byHarm(a: Preemption, b: Preemption): number {
  const highest = ({ victims }: Preemption) => (victims[0] ? priorityOf(victims[0]) : Number.NEGATIVE_INFINITY);
  // Below zero too a Pod more is worse.
  const sum = ({ victims }: Preemption) => victims.reduce((total, each) => total + priorityOf(each) + 2 ** 31, 0);
  const oldest = ({ victims }: Preemption) =>
    victims
      .filter((each) => priorityOf(each) === priorityOf(victims[0]!))
      .map(startOf)
      .sort()[0] ?? "";
  return (
    a.violations - b.violations ||
    highest(a) - highest(b) ||
    sum(a) - sum(b) ||
    a.victims.length - b.victims.length ||
    oldest(b).localeCompare(oldest(a))
  );
}
