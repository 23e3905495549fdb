/** What disruption budgets and those who ask them agree on. */
import type { Pod, PodDisruptionBudget } from "./generated/types.js";
import { matchLabelSelector } from "./selectors.js";

/** The type of the one condition of a budget's status. */
export const DISRUPTION_ALLOWED = "DisruptionAllowed";

/** The condition of a Pod that is ended though it has done nothing wrong. */
export const DISRUPTION_TARGET = "DisruptionTarget";

export function guards({ metadata, spec }: PodDisruptionBudget, pod: Pod): boolean {
  return metadata.namespace === pod.metadata.namespace && matchLabelSelector(spec?.selector, pod.metadata.labels);
}
