/** A container's own restart policy. https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-restart-rules */
import { type FieldError, forbidden, invalid, notSupported, required, tooMany } from "#api/field-error.js";
import type { Container, ContainerRestartRule } from "#api/generated/types.js";

const policies = ["Always", "Never", "OnFailure"];
const MAX_RULES = 20;
const MAX_CODES = 255;

/** @param sidecar the container is an init container that restarts always: then there is nothing left for rules to say */
export function validateRestart(path: string, container: Container, sidecar: boolean): FieldError[] {
  const { restartPolicy, restartPolicyRules = [] } = container;
  const field = `${path}.restartPolicyRules`;
  if (restartPolicy === undefined)
    return restartPolicyRules.length > 0
      ? [required(`${path}.restartPolicy`, "must specify restartPolicy when restart rules are used")]
      : [];
  const errors: FieldError[] = [];
  if (!policies.includes(restartPolicy)) errors.push(notSupported(`${path}.restartPolicy`, restartPolicy, policies));
  if (sidecar && restartPolicyRules.length > 0)
    errors.push(forbidden(field, "restartPolicyRules cannot be set for init containers with restartPolicy=Always"));
  if (restartPolicyRules.length > MAX_RULES) errors.push(tooMany(field, restartPolicyRules.length, MAX_RULES));
  return [...errors, ...restartPolicyRules.flatMap((rule, i) => validateRule(`${field}[${i}]`, rule))];
}

function validateRule(path: string, { action, exitCodes }: ContainerRestartRule): FieldError[] {
  const errors = action === "Restart" ? [] : [notSupported(`${path}.action`, action ?? "", ["Restart"])];
  if (!exitCodes) return [...errors, required(`${path}.exitCodes`, "must be specified")];
  const { operator, values = [] } = exitCodes;
  const at = `${path}.exitCodes`;
  if (operator !== "In" && operator !== "NotIn")
    errors.push(notSupported(`${at}.operator`, operator ?? "", ["In", "NotIn"]));
  if (values.length === 0) errors.push(invalid(`${at}.values`, values, "must specify at least one value"));
  if (values.length > MAX_CODES) errors.push(tooMany(`${at}.values`, values.length, MAX_CODES));
  return errors;
}
