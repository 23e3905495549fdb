import { type FieldError, invalid, required } from "#api/field-error.js";
import type { DaemonSet, DaemonSetUpdateStrategy, RollingUpdateDaemonSet } from "#api/generated/types.js";
import { immutable, nonNegative, notOverAll, oneOf, share } from "../field-rules.js";
import { validateSelectedTemplate } from "../pod-template.js";

const isZero = (value: number | string | undefined) => Number.parseInt(String(value ?? 0), 10) === 0;

function validateRollingUpdate(path: string, { maxUnavailable, maxSurge }: RollingUpdateDaemonSet): FieldError[] {
  const errors: FieldError[] = [];
  for (const [name, value] of Object.entries({ maxUnavailable, maxSurge }))
    errors.push(...share(`${path}.${name}`, value), ...notOverAll(`${path}.${name}`, value));
  if (!isZero(maxUnavailable) && !isZero(maxSurge))
    errors.push(invalid(`${path}.maxSurge`, maxSurge, "may not be set when maxUnavailable is non-zero"));
  if (isZero(maxUnavailable) && isZero(maxSurge))
    errors.push(required(`${path}.maxUnavailable`, "cannot be 0 when maxSurge is 0"));
  return errors;
}

function validateStrategy(path: string, { type, rollingUpdate }: DaemonSetUpdateStrategy): FieldError[] {
  if (type !== "RollingUpdate") return oneOf(`${path}.type`, type, ["RollingUpdate", "OnDelete"]);
  return rollingUpdate
    ? validateRollingUpdate(`${path}.rollingUpdate`, rollingUpdate)
    : [required(`${path}.rollingUpdate`)];
}

export function validateDaemonSet({ spec }: DaemonSet): FieldError[] {
  return [
    ...validateSelectedTemplate("spec", spec, "daemonset"),
    ...nonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...validateStrategy("spec.updateStrategy", spec.updateStrategy ?? {}),
    ...nonNegative("spec.revisionHistoryLimit", spec.revisionHistoryLimit),
  ];
}

export function validateDaemonSetUpdate({ spec }: DaemonSet, { spec: old }: DaemonSet): FieldError[] {
  return immutable("spec.selector", spec.selector, old.selector);
}

const COUNTS = [
  "currentNumberScheduled",
  "numberMisscheduled",
  "desiredNumberScheduled",
  "numberReady",
  "observedGeneration",
  "updatedNumberScheduled",
  "numberAvailable",
  "numberUnavailable",
] as const;

export function validateDaemonSetStatus({ status }: DaemonSet, { status: old }: DaemonSet): FieldError[] {
  const errors = COUNTS.flatMap((field) => nonNegative(`status.${field}`, status?.[field]));
  const { collisionCount = 0 } = status ?? {};
  if (collisionCount < (old?.collisionCount ?? 0))
    errors.push(invalid("status.collisionCount", collisionCount, "cannot be decremented"));
  return errors;
}
