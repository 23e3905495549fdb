/**
 * POST pods/eviction (`kubectl drain`): a delete that disruption budgets may refuse.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/
 */
import { DISRUPTION_ALLOWED, DISRUPTION_TARGET, guards } from "#api/disruption.js";
import type { Pod, PodDisruptionBudget } from "#api/generated/types.js";
import { isPodReady, isPodTerminal } from "#api/pod-state.js";
import { podDisruptionBudgets } from "#api/refs.js";
import { forbiddenError, internalError, StatusError } from "#api/status-error.js";
import { formatTime } from "#api/time.js";
import type { ActionSubresource } from "../kind.js";

export const evictionAction: ActionSubresource<Pod> = {
  bodySchema: "Eviction",
  bodyGroup: "policy",
  bodyVersion: "v1",
  bodyKind: "Eviction",
  effect: "evict",
  apply: () => undefined,
};

/** So many evictions of one budget may be on their way at most. */
const MOST_UNCONFIRMED = 2000;

/**
 * Whether a Pod may be evicted, and what that costs.
 * @param budgets of its namespace
 * @param now milliseconds since the epoch
 * @returns the budget it is taken from, as it was; undefined when it costs nothing
 * @throws StatusError 429 while a budget refuses it, 500 when there are several for the Pod
 */
export function budgetToSpend(pod: Pod, budgets: readonly PodDisruptionBudget[]): PodDisruptionBudget | undefined {
  // What has not begun, or is over, or on its way out, disturbs nobody.
  if (pod.metadata.deletionTimestamp || isPodTerminal(pod) || pod.status?.phase === "Pending") return undefined;
  const guarding = budgets.filter((budget) => guards(budget, pod));
  if (guarding.length > 1)
    throw internalError(
      "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    );
  const [budget] = guarding;
  if (!budget || (!isPodReady(pod) && mayGoUnready(budget))) return undefined;
  refuseIfSpent(budget);
  return budget;
}

/** A Pod that is not ready serves nobody, and may be what holds up a drain. */
function mayGoUnready({ spec, status }: PodDisruptionBudget): boolean {
  if (spec?.unhealthyPodEvictionPolicy === "AlwaysAllow") return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

function refuseIfSpent({ metadata, status }: PodDisruptionBudget): void {
  const { name, generation = 0 } = metadata;
  if ((status?.observedGeneration ?? 0) < generation)
    throw refusal(`The disruption budget ${name} is still being processed by the server.`, 10);
  const { disruptionsAllowed = 0, desiredHealthy = 0, currentHealthy = 0, disruptedPods = {} } = status ?? {};
  if (Object.keys(disruptedPods).length > MOST_UNCONFIRMED) {
    const why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller";
    throw forbiddenError(podDisruptionBudgets, name, why);
  }
  if (disruptionsAllowed > 0) return;
  throw refusal(
    `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
  );
}

function refusal(cause: string, retryAfterSeconds?: number): StatusError {
  const message = "Cannot evict pod as it would violate the pod's disruption budget.";
  const causes = [{ reason: "DisruptionBudget", message: cause }];
  return new StatusError(429, "TooManyRequests", message, { causes, retryAfterSeconds });
}

/** Takes one eviction from the budget, in place. Until its controller sees the Pod go, it is kept in mind there. */
export function spend(budget: PodDisruptionBudget, pod: Pod, now: number): void {
  const status = budget.status!;
  status.disruptionsAllowed--;
  status.disruptedPods = { ...status.disruptedPods, [pod.metadata.name]: formatTime(now) };
  if (status.disruptionsAllowed > 0) return;
  const others = (status.conditions ?? []).filter(({ type }) => type !== DISRUPTION_ALLOWED);
  const condition = {
    type: DISRUPTION_ALLOWED,
    status: "False",
    reason: "InsufficientPods",
    message: "",
    lastTransitionTime: formatTime(now),
    observedGeneration: status.observedGeneration,
  };
  status.conditions = [...others, condition];
}

/** In place, in the write that marks it for deletion. */
export function markEvicted(pod: Pod, now: number): void {
  const condition = {
    type: DISRUPTION_TARGET,
    status: "True",
    reason: "EvictionByEvictionAPI",
    message: "Eviction API: evicting",
    lastTransitionTime: formatTime(now),
  };
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== DISRUPTION_TARGET);
  pod.status = { ...pod.status, conditions: [...others, condition] };
}
