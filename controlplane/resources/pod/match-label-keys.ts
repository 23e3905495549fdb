/**
 * `matchLabelKeys` and `mismatchLabelKeys`: a selector gets the new Pod's own value of a label, so that a template can speak of
 * "my own revision". Written into the selector when the Pod is made; what the Pod's labels become later changes nothing.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#matchlabelkeys
 */
import { type FieldError, forbidden, invalid } from "#api/field-error.js";
import type { LabelSelector, Pod, PodAffinityTerm, PodAntiAffinity } from "#api/generated/types.js";
import { validateLabelName } from "#api/validation/labels.js";

interface KeyedSelector {
  labelSelector?: LabelSelector;
  matchLabelKeys?: string[];
  mismatchLabelKeys?: string[];
}

/** Completes all selectors of the Pod that name keys. */
export function mergeMatchLabelKeys({ metadata, spec }: Pod): void {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  const all: readonly KeyedSelector[] = [
    ...termsOf(podAffinity),
    ...termsOf(podAntiAffinity),
    ...(spec.topologySpreadConstraints ?? []),
  ];
  for (const keyed of all) merge(keyed, metadata.labels ?? {});
}

function termsOf(rules: PodAntiAffinity = {}): PodAffinityTerm[] {
  const preferred = rules.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return [
    ...(rules.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...preferred.map(({ podAffinityTerm }) => podAffinityTerm),
  ];
}

function merge(keyed: KeyedSelector, labels: Readonly<Record<string, string>>): void {
  const { labelSelector, matchLabelKeys = [], mismatchLabelKeys = [] } = keyed;
  if (!labelSelector) return;
  const own = (keys: readonly string[], operator: "In" | "NotIn") =>
    keys.filter((key) => Object.hasOwn(labels, key)).map((key) => ({ key, operator, values: [labels[key] as string] }));
  const added = [...own(matchLabelKeys, "In"), ...own(mismatchLabelKeys, "NotIn")];
  if (added.length > 0) labelSelector.matchExpressions = [...(labelSelector.matchExpressions ?? []), ...added];
}

export function validateMatchLabelKeys(path: string, keyed: KeyedSelector): FieldError[] {
  const { labelSelector, matchLabelKeys = [], mismatchLabelKeys = [] } = keyed;
  const errors: FieldError[] = [];
  for (const [field, keys] of Object.entries({ matchLabelKeys, mismatchLabelKeys })) {
    if (keys.length > 0 && !labelSelector)
      errors.push(forbidden(`${path}.${field}`, "must not be specified when labelSelector is not set"));
    else errors.push(...keys.flatMap((key, i) => validateLabelName(`${path}.${field}[${i}]`, key)));
  }
  const both = "exists in both matchLabelKeys and mismatchLabelKeys";
  mismatchLabelKeys.forEach((key, i) => {
    if (matchLabelKeys.includes(key)) errors.push(invalid(`${path}.matchLabelKeys[${i}]`, key, both));
  });
  return errors;
}
