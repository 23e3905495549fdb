import type { Deployment } from "#api/generated/types.js";
import { defaultPodTemplate } from "../pod/defaults.js";

export function defaultDeployment(deployment: Deployment): void {
  const spec = deployment.spec ?? {};
  deployment.spec = spec;
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  spec.strategy ??= {};
  spec.strategy.type ||= "RollingUpdate";
  if (spec.strategy.type === "RollingUpdate") {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= "25%";
    spec.strategy.rollingUpdate.maxSurge ??= "25%";
  }
  spec.template ??= {};
  defaultPodTemplate(spec.template);
}
