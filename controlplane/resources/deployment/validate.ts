import { type FieldError, forbidden, invalid, notSupported, required } from "#api/field-error.js";
import type { Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment } from "#api/generated/types.js";
import { immutable, nonNegative, notMoreThan, share } from "../field-rules.js";
import { validateSelectedTemplate } from "../pod-template.js";

type Share = number | string | undefined;

const isZero = (share: Share) => Number.parseInt(String(share ?? 0), 10) === 0;
const isOverAll = (share: Share) => typeof share === "string" && Number.parseInt(share, 10) > 100;

function validateRollingUpdate(path: string, { maxUnavailable, maxSurge }: RollingUpdateDeployment): FieldError[] {
  const field = `${path}.maxUnavailable`;
  const errors = [...share(field, maxUnavailable), ...share(`${path}.maxSurge`, maxSurge)];
  if (isZero(maxUnavailable) && isZero(maxSurge))
    errors.push(invalid(field, maxUnavailable, "may not be 0 when `maxSurge` is 0"));
  if (isOverAll(maxUnavailable)) errors.push(invalid(field, maxUnavailable, "must not be greater than 100%"));
  return errors;
}

function validateStrategy(path: string, strategy: DeploymentStrategy): FieldError[] {
  const { type, rollingUpdate } = strategy;
  const field = `${path}.rollingUpdate`;
  switch (type) {
    case "Recreate":
      return rollingUpdate ? [forbidden(field, "may not be specified when strategy `type` is 'Recreate'")] : [];
    case "RollingUpdate":
      if (!rollingUpdate) return [required(field, "this should be defaulted and never be nil")];
      return validateRollingUpdate(field, rollingUpdate);
    default:
      return [notSupported(path, strategy, ["Recreate", "RollingUpdate"])];
  }
}

function validateProgress({ progressDeadlineSeconds: deadline, minReadySeconds = 0 }: DeploymentSpec): FieldError[] {
  const field = "spec.progressDeadlineSeconds";
  const errors = nonNegative(field, deadline);
  if (deadline !== undefined && deadline <= minReadySeconds)
    errors.push(invalid(field, deadline, "must be greater than minReadySeconds"));
  return errors;
}

export function validateDeployment({ spec }: Deployment): FieldError[] {
  return [
    ...nonNegative("spec.replicas", spec.replicas),
    ...validateSelectedTemplate("spec", spec),
    ...validateStrategy("spec.strategy", spec.strategy ?? {}),
    ...nonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...nonNegative("spec.revisionHistoryLimit", spec.revisionHistoryLimit),
    ...validateProgress(spec),
  ];
}

export function validateDeploymentUpdate(next: Deployment, old: Deployment): FieldError[] {
  return immutable("spec.selector", next.spec.selector, old.spec.selector);
}

export function validateDeploymentStatus({ status = {} }: Deployment, old: Deployment): FieldError[] {
  const errors = (
    [
      "observedGeneration",
      "replicas",
      "updatedReplicas",
      "readyReplicas",
      "availableReplicas",
      "unavailableReplicas",
    ] as const
  ).flatMap((field) => nonNegative(`status.${field}`, status[field]));
  if ((status.collisionCount ?? 0) < (old.status?.collisionCount ?? 0))
    errors.push(invalid("status.collisionCount", status.collisionCount, "cannot be decremented"));
  return [
    ...errors,
    ...notMoreThan("status.updatedReplicas", status.updatedReplicas, status.replicas),
    ...notMoreThan("status.readyReplicas", status.readyReplicas, status.replicas),
    ...notMoreThan("status.availableReplicas", status.availableReplicas, status.replicas),
    ...notMoreThan("status.availableReplicas", status.availableReplicas, status.readyReplicas, "readyReplicas"),
  ];
}
