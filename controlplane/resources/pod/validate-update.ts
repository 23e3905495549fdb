/** What may change in a pod that exists: nearly nothing. https://kubernetes.io/docs/concepts/workloads/pods/#pod-update-and-replacement */
import { isDeepStrictEqual } from "node:util";
import { type FieldError, forbidden, invalid } from "#api/field-error.js";
import type { Container, Pod, PodSpec, Toleration } from "#api/generated/types.js";
import { rangeMessage } from "#api/validation/network.js";
import { defaultPod } from "./defaults.js";
import { validateMirrorUpdate } from "./validate-mirror.js";

const MAX_INT32 = 2 ** 31 - 1;

const updatable = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
].join(",");

function validateDeadlineChange(next: number | undefined, old: number | undefined): FieldError[] {
  const field = "spec.activeDeadlineSeconds";
  if (next === undefined)
    return old === undefined ? [] : [invalid(field, next, "must not update from a positive integer to nil value")];
  if (next < 0 || next > MAX_INT32) return [invalid(field, next, rangeMessage(0, MAX_INT32))];
  return old !== undefined && old < next ? [invalid(field, next, "must be less than or equal to previous value")] : [];
}

function validateOnlyAdded(next: readonly Toleration[] = [], old: readonly Toleration[] = []): FieldError[] {
  const kept = (toleration: Toleration) =>
    next.some((t) =>
      isDeepStrictEqual(
        { ...t, tolerationSeconds: toleration.tolerationSeconds },
        { ...toleration, tolerationSeconds: toleration.tolerationSeconds },
      ),
    );
  return old.every(kept)
    ? []
    : [forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")];
}

function validateOnlyDeletedGates(next: PodSpec, old: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  next.schedulingGates?.forEach(({ name }, i) => {
    if (old.schedulingGates?.some((gate) => gate.name === name)) return;
    const text = `only deletion is allowed, but found new scheduling gate '${name}'`;
    errors.push(forbidden(`spec.schedulingGates[${i}].name`, text));
  });
  return errors;
}

const withImagesOf = (containers: Container[] | undefined, old: Container[] | undefined) =>
  containers?.map((container, i) => ({ ...container, image: old?.[i]?.image }));

/** While gates hold a pod back, where it may go can be narrowed. */
const isExtended = (next: Record<string, string> = {}, old: Record<string, string> = {}) =>
  Object.entries(old).every(([key, value]) => next[key] === value);

/** The new spec with everything that may change put back. What then differs from the old one was not allowed. */
function withoutAllowedChanges(spec: PodSpec, old: PodSpec): PodSpec {
  const gated = (old.schedulingGates?.length ?? 0) > 0;
  const graceFixed = (old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1;
  return {
    ...spec,
    containers: withImagesOf(spec.containers, old.containers) ?? [],
    initContainers: withImagesOf(spec.initContainers, old.initContainers),
    activeDeadlineSeconds: old.activeDeadlineSeconds,
    tolerations: old.tolerations,
    schedulingGates: old.schedulingGates,
    terminationGracePeriodSeconds: graceFixed ? old.terminationGracePeriodSeconds : spec.terminationGracePeriodSeconds,
    nodeSelector: gated && isExtended(spec.nodeSelector, old.nodeSelector) ? old.nodeSelector : spec.nodeSelector,
    affinity: gated ? old.affinity : spec.affinity,
  };
}

/** The fields that differ, one line before and one after. */
function difference(old: PodSpec, next: PodSpec): string {
  const keys = [...new Set([...Object.keys(old), ...Object.keys(next)])] as (keyof PodSpec)[];
  const changed = keys.filter((key) => !isDeepStrictEqual(old[key], next[key])).sort();
  return changed
    .map((key) => `-  ${key}: ${JSON.stringify(old[key])}\n+  ${key}: ${JSON.stringify(next[key])}`)
    .join("\n");
}

/** A Pod stored by an older version has not what is filled in today: that is no change of the client's. */
function asNowDefaulted(old: Pod): PodSpec {
  const copy = structuredClone(old);
  defaultPod(copy);
  return copy.spec;
}

export function validatePodUpdate(pod: Pod, old: Pod): FieldError[] {
  const mirror = validateMirrorUpdate(pod, old);
  if (isDeepStrictEqual(pod.spec, old.spec)) return mirror;
  for (const list of ["containers", "initContainers"] as const)
    if ((pod.spec[list]?.length ?? 0) !== (old.spec[list]?.length ?? 0))
      return [forbidden(`spec.${list}`, "pod updates may not add or remove containers")];
  const errors = [
    ...mirror,
    ...validateDeadlineChange(pod.spec.activeDeadlineSeconds, old.spec.activeDeadlineSeconds),
    ...validateOnlyAdded(pod.spec.tolerations, old.spec.tolerations),
    ...validateOnlyDeletedGates(pod.spec, old.spec),
  ];
  const before = asNowDefaulted(old);
  const diff = difference(before, withoutAllowedChanges(pod.spec, before));
  if (diff) errors.push(forbidden("spec", `pod updates may not change fields other than ${updatable}\n${diff}`));
  return errors;
}
