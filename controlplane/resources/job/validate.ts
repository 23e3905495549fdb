import { type FieldError, forbidden, invalid, notSupported, required, tooMany } from "#api/field-error.js";
import type { Job, JobSpec, PodFailurePolicyRule, SuccessPolicyRule } from "#api/generated/types.js";
import { parseIndexes } from "#api/index-ranges.js";
import { matchLabelSelector } from "#api/selectors.js";
import { validateLabelSelector } from "#api/validation/labels.js";
import { immutable, nonNegative, oneOf } from "../field-rules.js";
import { validatePodTemplate } from "../pod/validate-spec.js";

const MAX_INDEXED_PARALLELISM = 100_000;
const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;
const ACTIONS = ["Count", "FailIndex", "FailJob", "Ignore"];

/** What a Job's spec is by itself; also that of a CronJob's template. @param path of the spec */
export function validateJobSpec(path: string, spec: JobSpec): FieldError[] {
  const { template, completionMode, completions, parallelism = 0, backoffLimitPerIndex, maxFailedIndexes } = spec;
  const isIndexed = completionMode === "Indexed";
  const errors = (
    ["parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"] as const
  ).flatMap((field) => nonNegative(`${path}.${field}`, spec[field]));
  errors.push(
    ...(["backoffLimitPerIndex", "maxFailedIndexes"] as const).flatMap((field) =>
      nonNegative(`${path}.${field}`, spec[field]),
    ),
    ...oneOf(`${path}.completionMode`, completionMode, ["NonIndexed", "Indexed"]),
  );
  if (isIndexed && completions === undefined)
    errors.push(required(`${path}.completions`, "when completion mode is Indexed"));
  if (isIndexed && parallelism > MAX_INDEXED_PARALLELISM)
    errors.push(
      invalid(
        `${path}.parallelism`,
        parallelism,
        `must be less than or equal to ${MAX_INDEXED_PARALLELISM} when completion mode is Indexed`,
      ),
    );
  if (backoffLimitPerIndex !== undefined && !isIndexed)
    errors.push(invalid(`${path}.backoffLimitPerIndex`, backoffLimitPerIndex, "requires indexed completion mode"));
  if (maxFailedIndexes !== undefined && backoffLimitPerIndex === undefined)
    errors.push(required(`${path}.backoffLimitPerIndex`, "when maxFailedIndexes is specified"));
  if (completions !== undefined && (maxFailedIndexes ?? 0) > completions)
    errors.push(invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, "must be less than or equal to completions"));
  return [
    ...errors,
    ...validateReplacement(`${path}.podReplacementPolicy`, spec),
    ...validateFailurePolicy(`${path}.podFailurePolicy`, spec),
    ...validateSuccessPolicy(`${path}.successPolicy`, spec),
    ...validatePodTemplate(`${path}.template`, template),
    ...validateRestartPolicy(`${path}.template.spec.restartPolicy`, spec),
  ];
}

function validateRestartPolicy(field: string, { template, podFailurePolicy }: JobSpec): FieldError[] {
  const policy = template.spec?.restartPolicy;
  if (policy === "Always") return [required(field, 'valid values: "OnFailure", "Never"')];
  if (policy !== "OnFailure" && policy !== "Never") return [notSupported(field, policy, ["Never", "OnFailure"])];
  if (podFailurePolicy && policy !== "Never")
    return [invalid(field, policy, 'only "Never" is supported when podFailurePolicy is specified')];
  return [];
}

function validateReplacement(field: string, { podReplacementPolicy, podFailurePolicy }: JobSpec): FieldError[] {
  return oneOf(field, podReplacementPolicy, podFailurePolicy ? ["Failed"] : ["Failed", "TerminatingOrFailed"]);
}

function validateFailurePolicy(path: string, { podFailurePolicy, ...spec }: JobSpec): FieldError[] {
  if (!podFailurePolicy) return [];
  const { rules } = podFailurePolicy;
  if (rules.length > MAX_RULES) return [tooMany(`${path}.rules`, rules.length, MAX_RULES)];
  return rules.flatMap((rule, i) => validateFailureRule(`${path}.rules[${i}]`, rule, spec as JobSpec));
}

function validateFailureRule(path: string, rule: PodFailurePolicyRule, spec: JobSpec): FieldError[] {
  const { action, onExitCodes, onPodConditions = [] } = rule;
  const errors = oneOf(`${path}.action`, action, ACTIONS);
  if (action === "FailIndex" && spec.backoffLimitPerIndex === undefined)
    errors.push(invalid(`${path}.action`, action, "requires the backoffLimitPerIndex to be set"));
  if (onExitCodes && onPodConditions.length > 0)
    errors.push(invalid(path, rule, "specifying both OnExitCodes and OnPodConditions is not supported"));
  if (!onExitCodes && onPodConditions.length === 0)
    errors.push(invalid(path, rule, "specifying one of OnExitCodes and OnPodConditions is required"));
  if (onExitCodes) errors.push(...validateExitCodes(`${path}.onExitCodes`, onExitCodes, spec));
  if (onPodConditions.length > MAX_RULES)
    errors.push(tooMany(`${path}.onPodConditions`, onPodConditions.length, MAX_RULES));
  for (const [i, { type, status }] of onPodConditions.entries()) {
    if (!type) errors.push(required(`${path}.onPodConditions[${i}].type`));
    errors.push(...oneOf(`${path}.onPodConditions[${i}].status`, status, ["False", "True", "Unknown"]));
  }
  return errors;
}

function validateExitCodes(
  path: string,
  { containerName, operator, values }: NonNullable<PodFailurePolicyRule["onExitCodes"]>,
  { template }: JobSpec,
): FieldError[] {
  const errors = oneOf(`${path}.operator`, operator, ["In", "NotIn"]);
  const { containers = [], initContainers = [] } = template.spec ?? {};
  const isKnown = [...containers, ...initContainers].some(({ name }) => name === containerName);
  if (containerName !== undefined && !isKnown)
    errors.push(
      invalid(
        `${path}.containerName`,
        containerName,
        "must be one of the container or initContainer names in the pod template",
      ),
    );
  const field = `${path}.values`;
  if (values.length === 0) errors.push(invalid(field, values, "at least one value is required"));
  if (values.length > MAX_EXIT_CODES) errors.push(tooMany(field, values.length, MAX_EXIT_CODES));
  if (values.some((value, i) => i > 0 && value < (values[i - 1] as number)))
    errors.push(invalid(field, values, "must be ordered"));
  if (operator === "In" && values.includes(0)) errors.push(invalid(field, values, "must not be 0 for the In operator"));
  return errors;
}

function validateSuccessPolicy(
  path: string,
  { successPolicy, completionMode, completions = 0 }: JobSpec,
): FieldError[] {
  if (!successPolicy) return [];
  if (completionMode !== "Indexed") return [invalid(path, successPolicy, "requires indexed completion mode")];
  const { rules = [] } = successPolicy;
  if (rules.length === 0)
    return [required(`${path}.rules`, "at least one rules must be specified when the successPolicy is specified")];
  if (rules.length > MAX_RULES) return [tooMany(`${path}.rules`, rules.length, MAX_RULES)];
  return rules.flatMap((rule, i) => validateSuccessRule(`${path}.rules[${i}]`, rule, completions));
}

function validateSuccessRule(path: string, rule: SuccessPolicyRule, completions: number): FieldError[] {
  const { succeededCount, succeededIndexes } = rule;
  if (succeededCount === undefined && succeededIndexes === undefined)
    return [required(path, "at least one of succeededCount or succeededIndexes must be specified")];
  const errors = nonNegative(`${path}.succeededCount`, succeededCount);
  let most = completions;
  if (succeededIndexes !== undefined) {
    const indexes = parseIndexes(succeededIndexes);
    if (!indexes || [...indexes].some((index) => index >= completions))
      errors.push(
        invalid(
          `${path}.succeededIndexes`,
          succeededIndexes,
          "error parsing succeededIndexes: must be ordered indexes below completions",
        ),
      );
    else most = indexes.size;
  }
  if ((succeededCount ?? 0) > most)
    errors.push(
      invalid(
        `${path}.succeededCount`,
        succeededCount,
        `must be less than or equal to ${most} (the number of specified completions or indexes)`,
      ),
    );
  return errors;
}

export function validateJob({ spec }: Job): FieldError[] {
  if (!spec) return [required("spec")];
  const errors = validateJobSpec("spec", spec);
  if (!spec.selector) errors.push(required("spec.selector"));
  else {
    errors.push(...validateLabelSelector("spec.selector", spec.selector));
    const labels = spec.template.metadata?.labels;
    if (errors.length === 0 && !matchLabelSelector(spec.selector, labels))
      errors.push(invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"));
  }
  return errors;
}

const FIXED = [
  "selector",
  "completionMode",
  "podFailurePolicy",
  "backoffLimitPerIndex",
  "successPolicy",
  "managedBy",
] as const;

export function validateJobUpdate(job: Job, old: Job): FieldError[] {
  const [spec, before] = [job.spec as JobSpec, old.spec as JobSpec];
  return [
    ...FIXED.flatMap((field) => immutable(`spec.${field}`, spec[field], before[field])),
    ...validateCompletionsUpdate(spec, before),
    ...validateTemplateUpdate(spec, old),
  ];
}

/** An Indexed Job grows and shrinks, its parallelism with it. */
function validateCompletionsUpdate(spec: JobSpec, before: JobSpec): FieldError[] {
  if (spec.completions === before.completions) return [];
  const isElastic = spec.completionMode === "Indexed" && spec.completions === spec.parallelism;
  if (!isElastic || spec.completions === undefined)
    return immutable("spec.completions", spec.completions, before.completions);
  return [];
}

/** While it is suspended and has not begun, a queue may say where its Pods go. */
function validateTemplateUpdate({ template }: JobSpec, { spec, status }: Job): FieldError[] {
  const before = spec?.template;
  const isWaiting = spec?.suspend === true && !status?.startTime;
  if (!isWaiting || !before?.spec || !template.spec) return immutable("spec.template", template, before);
  const { nodeSelector, tolerations, affinity, schedulingGates } = template.spec;
  const placed = { ...before.spec, nodeSelector, tolerations, affinity, schedulingGates };
  const { labels, annotations } = template.metadata ?? {};
  const allowed = { ...before, metadata: { ...before.metadata, labels, annotations }, spec: placed };
  return immutable("spec.template", JSON.parse(JSON.stringify(template)), JSON.parse(JSON.stringify(allowed)));
}

const COUNTS = ["active", "ready", "succeeded", "failed", "terminating"] as const;

export function validateJobStatus({ status }: Job, { status: old }: Job): FieldError[] {
  const errors = COUNTS.flatMap((field) => nonNegative(`status.${field}`, status?.[field]));
  const isTrue = (type: string) => status?.conditions?.some((c) => c.type === type && c.status === "True") ?? false;
  if (isTrue("Complete") && isTrue("Failed"))
    errors.push(invalid("status.conditions", undefined, "cannot set Complete=True and Failed=true conditions"));
  if (isTrue("Complete") && !status?.completionTime)
    errors.push(required("status.completionTime", "completionTime is required for Complete jobs"));
  if (status?.completionTime && !isTrue("Complete"))
    errors.push(
      invalid(
        "status.completionTime",
        status.completionTime,
        "cannot set completionTime when there is no Complete=True condition",
      ),
    );
  for (const { type, status: was } of old?.conditions ?? []) {
    const isFinal = was === "True" && ["Complete", "Failed", "FailureTarget", "SuccessCriteriaMet"].includes(type);
    if (isFinal && !isTrue(type))
      errors.push(forbidden("status.conditions", `cannot disable a terminal Job condition: ${type}`));
  }
  return errors;
}
