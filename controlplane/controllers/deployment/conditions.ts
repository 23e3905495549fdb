import type { DeploymentCondition } from "#api/generated/types.js";
import { formatTime } from "#api/time.js";

export type Conditions = readonly DeploymentCondition[];

export const conditionOf = (conditions: Conditions, type: string) =>
  conditions.find((condition) => condition.type === type);

export const withoutCondition = (conditions: Conditions, type: string) =>
  conditions.filter((condition) => condition.type !== type);

/** Sets a condition; one that says the same already (status and reason) is left alone, times included. */
export function setCondition(
  conditions: Conditions,
  condition: { type: string; status: string; reason: string; message: string },
  now: number,
): Conditions {
  const known = conditionOf(conditions, condition.type);
  if (known?.status === condition.status && known.reason === condition.reason) return conditions;
  return touchCondition(conditions, condition, now);
}

/** Sets a condition and its lastUpdateTime even when it says the same: progress was seen now. */
export function touchCondition(
  conditions: Conditions,
  condition: { type: string; status: string; reason: string; message: string },
  now: number,
): Conditions {
  const known = conditionOf(conditions, condition.type);
  const time = formatTime(now);
  const lastTransitionTime = known?.status === condition.status ? known.lastTransitionTime : time;
  return [...withoutCondition(conditions, condition.type), { ...condition, lastUpdateTime: time, lastTransitionTime }];
}
