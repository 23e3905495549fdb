/** How many of its Pods a disruption budget lets go: a pure function of what there is. */
import { DISRUPTION_ALLOWED } from "#api/disruption.js";
import type { Condition, Pod, PodDisruptionBudget, PodDisruptionBudgetStatus } from "#api/generated/types.js";
import { isPodReady } from "#api/pod-state.js";
import { shareOf } from "#api/share.js";
import { formatTime } from "#api/time.js";

/** A Pod that was evicted and does not go in that time (ms) counts again. */
const UNCONFIRMED_MS = 120_000;

/** Where the size of what a Pod belongs to is needed, and known. */
export interface Scale {
  /** Of the object that says how many Pods there are to be. */
  readonly uid: string;
  readonly replicas: number;
}

export interface Expectation {
  readonly expectedPods: number;
  readonly desiredHealthy: number;
}

/** True when the sizes of what the Pods belong to decide, not the number of Pods there are. */
export const needsScales = ({ spec }: PodDisruptionBudget) =>
  spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === "string";

/** @param scales of the Pods, each of them once or several times; of no meaning unless {@link needsScales} */
export function expectation(budget: PodDisruptionBudget, pods: readonly Pod[], scales: readonly Scale[]): Expectation {
  const { minAvailable, maxUnavailable } = budget.spec ?? {};
  if (!needsScales(budget)) return { expectedPods: pods.length, desiredHealthy: Number(minAvailable ?? 0) };
  const sizes = new Map(scales.map(({ uid, replicas }) => [uid, replicas]));
  const expectedPods = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (maxUnavailable === undefined) return { expectedPods, desiredHealthy: shareOf(minAvailable, expectedPods) };
  return { expectedPods, desiredHealthy: Math.max(0, expectedPods - shareOf(maxUnavailable, expectedPods)) };
}

export interface BudgetState {
  readonly budget: PodDisruptionBudget;
  readonly pods: readonly Pod[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface BudgetOutcome {
  readonly status: PodDisruptionBudgetStatus;
  /** Pods that were evicted and are still there. */
  readonly overdue: readonly Pod[];
  /** Milliseconds until the next one is. */
  readonly wait?: number;
}

export function budgetStatus(state: BudgetState, { expectedPods, desiredHealthy }: Expectation): BudgetOutcome {
  const { budget, pods, now } = state;
  const { waits, overdue } = unconfirmed(state);
  const isHealthy = (pod: Pod) => !pod.metadata.deletionTimestamp && !waits.has(pod.metadata.name) && isPodReady(pod);
  const currentHealthy = pods.filter(isHealthy).length;
  const disruptionsAllowed = expectedPods > 0 ? Math.max(0, currentHealthy - desiredHealthy) : 0;
  const known = budget.status?.disruptedPods ?? {};
  const disruptedPods = Object.fromEntries([...waits.keys()].map((name) => [name, known[name] as string]));
  const condition = disruptionsAllowed > 0 ? SUFFICIENT : INSUFFICIENT;
  const status: PodDisruptionBudgetStatus = {
    conditions: withCondition(budget, condition, now),
    currentHealthy,
    desiredHealthy,
    disruptionsAllowed,
    expectedPods,
    observedGeneration: budget.metadata.generation,
    ...(waits.size > 0 && { disruptedPods }),
  };
  return { status, overdue, wait: waits.size > 0 ? Math.min(...waits.values()) : undefined };
}

const SUFFICIENT = { status: "True", reason: "SufficientPods", message: "" };
const INSUFFICIENT = { status: "False", reason: "InsufficientPods", message: "" };

/** The status of a budget that cannot be worked out: nothing is allowed. */
export function failedStatus(budget: PodDisruptionBudget, message: string, now: number): PodDisruptionBudgetStatus {
  const { currentHealthy = 0, desiredHealthy = 0, expectedPods = 0, ...rest } = budget.status ?? {};
  return {
    ...rest,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    disruptionsAllowed: 0,
    observedGeneration: budget.metadata.generation,
    conditions: withCondition(budget, { status: "False", reason: "SyncFailed", message }, now),
  };
}

/** Evictions that the API server granted and that no Pod shows yet. */
function unconfirmed({ budget, pods, now }: BudgetState): { waits: Map<string, number>; overdue: Pod[] } {
  const waits = new Map<string, number>();
  const overdue: Pod[] = [];
  for (const pod of pods) {
    const { name, deletionTimestamp } = pod.metadata;
    const since = budget.status?.disruptedPods?.[name];
    if (since === undefined || deletionTimestamp) continue;
    const wait = Date.parse(since) + UNCONFIRMED_MS - now;
    if (wait > 0) waits.set(name, wait);
    else overdue.push(pod);
  }
  return { waits, overdue };
}

function withCondition(
  { metadata, status }: PodDisruptionBudget,
  wanted: Pick<Condition, "status" | "reason" | "message">,
  now: number,
): Condition[] {
  const conditions = status?.conditions ?? [];
  const known = conditions.find(({ type }) => type === DISRUPTION_ALLOWED);
  const lastTransitionTime = known && known.status === wanted.status ? known.lastTransitionTime : formatTime(now);
  const observedGeneration = metadata.generation;
  const condition = { type: DISRUPTION_ALLOWED, ...wanted, lastTransitionTime, observedGeneration };
  return [...conditions.filter(({ type }) => type !== DISRUPTION_ALLOWED), condition];
}
