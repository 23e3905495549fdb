/** What a Job makes of Pods that failed, and when it has enough of those that succeeded. */
import type { Job, Pod, PodFailurePolicyRule } from "#api/generated/types.js";
import { parseIndexes } from "#api/index-ranges.js";
import { keyOf } from "#api/object.js";

export interface FailureVerdict {
  action: "Count" | "FailIndex" | "FailJob" | "Ignore";
  /** Of the rule that says so. */
  message?: string;
}

/** The first rule that matches the Pod. https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy */
export function failureVerdict({ spec }: Job, pod: Pod): FailureVerdict {
  for (const [i, rule] of (spec?.podFailurePolicy?.rules ?? []).entries()) {
    const cause = causeOf(rule, pod);
    if (!cause) continue;
    const message = `${cause} matching ${rule.action} rule at index ${i}`;
    return { action: rule.action as FailureVerdict["action"], message };
  }
  return { action: "Count" };
}

function causeOf({ onExitCodes, onPodConditions = [] }: PodFailurePolicyRule, pod: Pod): string | undefined {
  if (onExitCodes) {
    const { containerName, operator, values } = onExitCodes;
    const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
    for (const { name, state } of [...containerStatuses, ...initContainerStatuses]) {
      const code = state?.terminated?.exitCode;
      if (!code || (containerName !== undefined && containerName !== name)) continue;
      if (values.includes(code) === (operator === "In"))
        return `Container ${name} for pod ${keyOf(pod)} failed with exit code ${code}`;
    }
  }
  for (const { type, status } of pod.status?.conditions ?? [])
    if (onPodConditions.some((pattern) => pattern.type === type && (pattern.status ?? "True") === status))
      return `Pod ${keyOf(pod)} has condition ${type}`;
  return undefined;
}

/** The rule that is met by these indexes. https://kubernetes.io/docs/concepts/workloads/controllers/job/#success-policy */
export function successRule({ spec }: Job, succeeded: ReadonlySet<number>): number | undefined {
  const rules = spec?.successPolicy?.rules ?? [];
  const found = rules.findIndex(({ succeededIndexes, succeededCount }) => {
    const wanted = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes);
    const count = wanted ? [...wanted].filter((index) => succeeded.has(index)).length : succeeded.size;
    return count >= (succeededCount ?? wanted?.size ?? Number.POSITIVE_INFINITY);
  });
  return found === -1 ? undefined : found;
}
