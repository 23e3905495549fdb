/** Which Pods a StatefulSet makes, mends and ends next: a pure function of what there is. */
import type { Pod, StatefulSet } from "#api/generated/types.js";
import { availableIn, isPodTerminal } from "#api/pod-state.js";
import { shareOf } from "#api/share.js";
import { hasIdentity, ordinalOf, revisionOf } from "./identity.js";

export interface StatefulSetState {
  set: StatefulSet;
  /** All Pods it manages. */
  pods: readonly Pod[];
  /** Names of the revisions: of the last rollout that was completed, and of the template as it is. */
  current: string;
  update: string;
  now: number;
}

export interface StatefulSetPlan {
  create: { ordinal: number; revision: string }[];
  /** Pods whose labels say they are another one. */
  mend: { pod: Pod; ordinal: number }[];
  delete: Pod[];
}

interface Slot {
  ordinal: number;
  pod?: Pod;
}

export const desiredReplicas = ({ spec }: StatefulSet) => spec.replicas ?? 1;
const start = ({ spec }: StatefulSet) => spec.ordinals?.start ?? 0;
/** The set has a place of that number. */
export const isWanted = (set: StatefulSet, ordinal: number) =>
  ordinal >= start(set) && ordinal < start(set) + desiredReplicas(set);
const isTerminating = ({ metadata }: Pod) => metadata.deletionTimestamp !== undefined;

/**
 * One step: with OrderedReady one Pod at a time, and only when all before it are well; with Parallel whatever is to be done.
 * https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#deployment-and-scaling-guarantees
 */
export function planStatefulSet(state: StatefulSetState): StatefulSetPlan {
  const plan: StatefulSetPlan = { create: [], mend: [], delete: [] };
  if (state.set.metadata.deletionTimestamp) return plan;
  const { slots, condemned } = arrange(state);
  if (!fillSlots(state, slots, plan)) return plan;
  if (!removeCondemned(state, slots, condemned, plan)) return plan;
  rollOut(state, slots, plan);
  return plan;
}

/** The places of the set, in order, and the Pods that have none, the last first. */
function arrange({ set, pods }: StatefulSetState): { slots: Slot[]; condemned: Pod[] } {
  const first = start(set);
  const slots = Array.from({ length: desiredReplicas(set) }, (_, i): Slot => ({ ordinal: first + i }));
  const condemned: { ordinal: number; pod: Pod }[] = [];
  for (const pod of pods) {
    const ordinal = ordinalOf(set, pod) as number;
    const slot = slots[ordinal - first];
    if (slot) slot.pod = pod;
    else condemned.push({ ordinal, pod });
  }
  condemned.sort((a, b) => b.ordinal - a.ordinal);
  return { slots, condemned: condemned.map(({ pod }) => pod) };
}

const isOrdered = ({ spec }: StatefulSet) => spec.podManagementPolicy !== "Parallel";

/** Runs, is ready, and has been for `minReadySeconds`. */
function isWell({ set, now }: StatefulSetState, pod: Pod): boolean {
  return (
    pod.status?.phase === "Running" && !isTerminating(pod) && availableIn(pod, set.spec.minReadySeconds ?? 0, now) === 0
  );
}

/** @returns false when the rest has to wait */
function fillSlots(state: StatefulSetState, slots: readonly Slot[], plan: StatefulSetPlan): boolean {
  const ordered = isOrdered(state.set);
  for (const { ordinal, pod } of slots) {
    if (!pod) {
      plan.create.push({ ordinal, revision: revisionFor(state, ordinal) });
      if (ordered) return false;
      continue;
    }
    if (isPodTerminal(pod) && !isTerminating(pod)) plan.delete.push(pod);
    else if (!hasIdentity(state.set, pod, ordinal)) plan.mend.push({ pod, ordinal });
    if (ordered && !isWell(state, pod)) return false;
  }
  return true;
}

/** Below the partition, what was there stays. */
function revisionFor({ set, current, update }: StatefulSetState, ordinal: number): string {
  return ordinal < start(set) + partition(set) ? current : update;
}

const partition = ({ spec }: StatefulSet) =>
  spec.updateStrategy?.type === "RollingUpdate" ? (spec.updateStrategy.rollingUpdate?.partition ?? 0) : 0;

/** The last one goes first; one that is not well lets none of the others go, unless it is the first of those that are not. */
function removeCondemned(
  state: StatefulSetState,
  slots: readonly Slot[],
  condemned: readonly Pod[],
  plan: StatefulSetPlan,
): boolean {
  const ordered = isOrdered(state.set);
  const inOrder = [...slots.flatMap(({ pod }) => pod ?? []), ...condemned.toReversed()];
  const firstUnwell = inOrder.find((pod) => !isWell(state, pod));
  for (const pod of condemned) {
    if (!isTerminating(pod)) {
      if (ordered && !isWell(state, pod) && pod !== firstUnwell) return false;
      plan.delete.push(pod);
    }
    if (ordered) return false;
  }
  return true;
}

/**
 * Ends Pods of another revision, the last first, as many as may be away at a time. One that is not well already may always be the
 * next: a template that does not work can be replaced.
 * https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#rolling-updates
 */
function rollOut(state: StatefulSetState, slots: readonly Slot[], plan: StatefulSetPlan): void {
  const { set, update } = state;
  if (set.spec.updateStrategy?.type !== "RollingUpdate") return;
  const isOld = (pod: Pod | undefined) => pod !== undefined && !isTerminating(pod) && revisionOf(pod) !== update;
  const well = (pod: Pod | undefined) => pod !== undefined && isWell(state, pod);
  const most = maxUnavailable(set);
  let away = slots.filter(({ pod }) => !well(pod)).length;
  let underWay = slots.filter(({ pod }) => !isOld(pod) && !well(pod)).length;
  for (const { pod } of slots.slice(partition(set)).reverse()) {
    if (!pod || !isOld(pod) || plan.delete.includes(pod)) continue;
    if ((well(pod) ? away : underWay) >= most) return;
    if (well(pod)) away++;
    underWay++;
    plan.delete.push(pod);
  }
}

/** Of a share in a hundred the whole part, but always one. */
function maxUnavailable(set: StatefulSet): number {
  const value = set.spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1;
  return Math.max(1, shareOf(value, desiredReplicas(set), Math.floor));
}
