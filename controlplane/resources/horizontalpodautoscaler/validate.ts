import { type FieldError, forbidden, invalid, required } from "#api/field-error.js";
import type {
  V2HorizontalPodAutoscaler,
  V2HPAScalingRules,
  V2MetricSpec,
  V2MetricTarget,
} from "#api/generated/types.js";
import { compareQuantities } from "#api/quantity.js";
import { invalidEach, pathSegmentName } from "#api/validation/names.js";
import { nonNegative, oneOf } from "../field-rules.js";

const LONGEST_WINDOW = 3600;
const LONGEST_PERIOD = 1800;

/** Type of a metric → the field that tells more of it. */
const SOURCES = {
  ContainerResource: "containerResource",
  External: "external",
  Object: "object",
  Pods: "pods",
  Resource: "resource",
} as const;

export function validateAutoscaler({ spec }: V2HorizontalPodAutoscaler): FieldError[] {
  if (!spec) return [required("spec")];
  const { minReplicas = 1, maxReplicas, scaleTargetRef, metrics = [], behavior } = spec;
  const errors: FieldError[] = [];
  if (minReplicas < 1) errors.push(invalid("spec.minReplicas", minReplicas, "must be greater than or equal to 1"));
  if (maxReplicas < 1) errors.push(invalid("spec.maxReplicas", maxReplicas, "must be greater than 0"));
  if (maxReplicas < minReplicas)
    errors.push(invalid("spec.maxReplicas", maxReplicas, "must be greater than or equal to `minReplicas`"));
  for (const field of ["kind", "name"] as const) {
    const value = scaleTargetRef?.[field];
    const at = `spec.scaleTargetRef.${field}`;
    errors.push(...(value ? invalidEach(at, value, pathSegmentName(value)) : [required(at)]));
  }
  errors.push(...metrics.flatMap((metric, i) => validateMetric(`spec.metrics[${i}]`, metric)));
  errors.push(...validateRules("spec.behavior.scaleUp", behavior?.scaleUp));
  errors.push(...validateRules("spec.behavior.scaleDown", behavior?.scaleDown));
  return errors;
}

export function validateAutoscalerStatus({ status }: V2HorizontalPodAutoscaler): FieldError[] {
  return [
    ...nonNegative("status.currentReplicas", status?.currentReplicas),
    ...nonNegative("status.desiredReplicas", status?.desiredReplicas),
  ];
}

function validateMetric(at: string, metric: V2MetricSpec): FieldError[] {
  const errors = oneOf(`${at}.type`, metric.type, Object.keys(SOURCES));
  if (errors.length > 0) return errors;
  const own = SOURCES[metric.type as keyof typeof SOURCES];
  const source = metric[own];
  if (!source) return [required(`${at}.${own}`, "must populate information for the given metric source")];
  for (const other of Object.values(SOURCES))
    if (other !== own && metric[other])
      errors.push(forbidden(`${at}.${other}`, "must populate the given metric source only"));
  const {
    name,
    metric: identifier,
    container,
  } = source as { name?: string; metric?: { name: string }; container?: string };
  const isResource = own === "resource" || own === "containerResource";
  if (isResource && !name) errors.push(required(`${at}.${own}.name`, "must specify a resource name"));
  if (own === "containerResource" && !container)
    errors.push(required(`${at}.${own}.container`, "must specify a container"));
  if (!isResource && !identifier?.name) errors.push(required(`${at}.${own}.metric.name`, "must specify a metric name"));
  return [...errors, ...validateTarget(`${at}.${own}.target`, source.target, isResource)];
}

function validateTarget(at: string, target: V2MetricTarget | undefined, isResource: boolean): FieldError[] {
  if (!target) return [required(at)];
  const { type, averageUtilization, averageValue, value } = target;
  const errors = oneOf(`${at}.type`, type, ["AverageValue", "Utilization", "Value"]);
  if (averageUtilization !== undefined && averageUtilization < 1)
    errors.push(invalid(`${at}.averageUtilization`, averageUtilization, "must be greater than 0"));
  for (const [name, amount] of Object.entries({ averageValue, value }))
    if (amount !== undefined && compareQuantities(amount, "0") <= 0)
      errors.push(invalid(`${at}.${name}`, amount, "must be positive"));
  if (!isResource) {
    if (averageValue === undefined && value === undefined)
      errors.push(required(`${at}.averageValue`, "must specify either a target value or a target average value"));
    return errors;
  }
  if (averageUtilization === undefined && averageValue === undefined)
    errors.push(required(`${at}.averageUtilization`, "must set either a target raw value or a target utilization"));
  if (averageUtilization !== undefined && averageValue !== undefined)
    errors.push(forbidden(`${at}.averageValue`, "may not set both a target raw value and a target utilization"));
  return errors;
}

function validateRules(at: string, rules: V2HPAScalingRules | undefined): FieldError[] {
  if (!rules) return [];
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance } = rules;
  const errors = validateCount(`${at}.stabilizationWindowSeconds`, window, 0, LONGEST_WINDOW);
  if (selectPolicy !== undefined) errors.push(...oneOf(`${at}.selectPolicy`, selectPolicy, ["Disabled", "Max", "Min"]));
  if (policies.length === 0) errors.push(required(`${at}.policies`, "must specify at least one Policy"));
  policies.forEach(({ type, value, periodSeconds }, i) => {
    errors.push(...oneOf(`${at}.policies[${i}].type`, type, ["Percent", "Pods"]));
    errors.push(...validateCount(`${at}.policies[${i}].value`, value, 1));
    errors.push(...validateCount(`${at}.policies[${i}].periodSeconds`, periodSeconds, 1, LONGEST_PERIOD));
  });
  if (tolerance !== undefined && compareQuantities(tolerance, "0") < 0)
    errors.push(invalid(`${at}.tolerance`, tolerance, "must be greater or equal to 0"));
  return errors;
}

function validateCount(field: string, value: number | undefined, least: number, most?: number): FieldError[] {
  if (value === undefined) return [];
  if (value < least)
    return [invalid(field, value, least === 0 ? "must be greater than or equal to zero" : "must be greater than zero")];
  return most !== undefined && value > most ? [invalid(field, value, `must be less than or equal to ${most}`)] : [];
}
