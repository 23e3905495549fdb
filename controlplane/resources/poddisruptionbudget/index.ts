import { type FieldError, invalid } from "#api/field-error.js";
import type { PodDisruptionBudget } from "#api/generated/types.js";
import { podDisruptionBudgets } from "#api/refs.js";
import { validateLabelSelector } from "#api/validation/labels.js";
import { ageColumn, nameColumn } from "../columns.js";
import { nonNegative, notOverAll, oneOf, share } from "../field-rules.js";
import type { Kind } from "../kind.js";

/** https://kubernetes.io/docs/tasks/run-application/configure-pdb/ */
export const podDisruptionBudget: Kind<PodDisruptionBudget> = {
  ...podDisruptionBudgets,
  singular: "poddisruptionbudget",
  shortNames: ["pdb"],
  schema: "PodDisruptionBudget",
  nameRule: "dns-subdomain",
  hasGeneration: true,
  columns: [
    nameColumn,
    {
      name: "Min Available",
      type: "string",
      description: "How many of the selected pods must stay available.",
      value: ({ spec }) => spec?.minAvailable ?? "N/A",
    },
    {
      name: "Max Unavailable",
      type: "string",
      description: "How many of the selected pods may be unavailable.",
      value: ({ spec }) => spec?.maxUnavailable ?? "N/A",
    },
    {
      name: "Allowed Disruptions",
      type: "integer",
      description: "How many pods may be evicted now.",
      value: ({ status }) => status?.disruptionsAllowed ?? 0,
    },
    ageColumn,
  ],
  subresources: { status: { validate: validateStatus } },
  validate,
  prepareForCreate(object) {
    object.status = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
  },
};

function validate({ spec = {} }: PodDisruptionBudget): FieldError[] {
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy } = spec;
  const errors: FieldError[] = [];
  if (minAvailable !== undefined && maxUnavailable !== undefined)
    errors.push(invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set"));
  for (const [name, value] of Object.entries({ minAvailable, maxUnavailable }))
    errors.push(...share(`spec.${name}`, value), ...notOverAll(`spec.${name}`, value));
  errors.push(...validateLabelSelector("spec.selector", selector));
  if (unhealthyPodEvictionPolicy !== undefined)
    errors.push(
      ...oneOf("spec.unhealthyPodEvictionPolicy", unhealthyPodEvictionPolicy, ["AlwaysAllow", "IfHealthyBudget"]),
    );
  return errors;
}

const COUNTS = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] as const;

function validateStatus({ status }: PodDisruptionBudget): FieldError[] {
  return COUNTS.flatMap((field) => nonNegative(`status.${field}`, status?.[field]));
}
