import { type FieldError, invalid, notSupported, required } from "#api/field-error.js";
import type { ResourceQuota, ResourceQuotaSpec, ScopedResourceSelectorRequirement } from "#api/generated/types.js";
import { parseQuantity } from "#api/quantity.js";
import { COMPUTE, COUNTED_BY_NAME, LOAD_BALANCERS, NODE_PORTS } from "#api/quota.js";
import { invalidEach, qualifiedName } from "#api/validation/names.js";
import { immutable } from "../field-rules.js";

const computeNames = [...COMPUTE].flatMap((name) => [name, `requests.${name}`, `limits.${name}`]);
/** Counted one by one. */
const COUNTS: ReadonlySet<string> = new Set([...COUNTED_BY_NAME, LOAD_BALANCERS, NODE_PORTS]);
const STANDARD = new Set([...COUNTS, ...computeNames, "requests.storage"]);
const isHugePages = (name: string) => /^(requests\.)?hugepages-/.test(name);

/** What may be counted in a scope; BestEffort Pods have no requests that could be. */
const POD_COMPUTE = ["pods", "count/pods", ...computeNames];
const SCOPES: Readonly<Record<string, readonly string[]>> = {
  Terminating: POD_COMPUTE,
  NotTerminating: POD_COMPUTE,
  NotBestEffort: POD_COMPUTE,
  PriorityClass: POD_COMPUTE,
  CrossNamespacePodAffinity: POD_COMPUTE,
  BestEffort: ["pods", "count/pods"],
};
const OPPOSITES = [
  ["Terminating", "NotTerminating"],
  ["BestEffort", "NotBestEffort"],
] as const;
const OPERATORS = ["DoesNotExist", "Exists", "In", "NotIn"];

export function validateQuota({ spec = {} }: ResourceQuota): FieldError[] {
  return [...validateAmounts("spec.hard", spec.hard), ...validateScopes(spec), ...validateSelector(spec)];
}

export function validateQuotaUpdate({ spec }: ResourceQuota, { spec: old }: ResourceQuota): FieldError[] {
  const sorted = (scopes: readonly string[] | undefined) => [...(scopes ?? [])].sort();
  return immutable("spec.scopes", sorted(spec?.scopes), sorted(old?.scopes));
}

export function validateQuotaStatus({ status }: ResourceQuota): FieldError[] {
  return [...validateAmounts("status.hard", status?.hard), ...validateAmounts("status.used", status?.used)];
}

function validateAmounts(path: string, amounts: Readonly<Record<string, string>> = {}): FieldError[] {
  return Object.entries(amounts).flatMap(([name, amount]) => {
    const field = `${path}[${name}]`;
    const { nano } = parseQuantity(amount);
    const errors = validateName(field, name);
    if (nano < 0n) errors.push(invalid(field, amount, "must be greater than or equal to 0"));
    if ((COUNTS.has(name) || name.startsWith("count/")) && nano % 1_000_000_000n !== 0n)
      errors.push(invalid(field, amount, "must be an integer"));
    return errors;
  });
}

function validateName(field: string, name: string): FieldError[] {
  const problems = qualifiedName(name);
  if (problems.length > 0) return invalidEach(field, name, problems);
  if (name.includes("/") || STANDARD.has(name) || isHugePages(name)) return [];
  return [invalid(field, name, "must be a standard resource for quota")];
}

function validateScopes({ scopes = [], hard = {} }: ResourceQuotaSpec): FieldError[] {
  const field = "spec.scopes";
  const errors = scopes.flatMap((scope) => validateScope(field, scope, scopes, hard));
  for (const pair of OPPOSITES)
    if (pair.every((scope) => scopes.includes(scope))) errors.push(invalid(field, scopes, "conflicting scopes"));
  return errors;
}

function validateScope(
  field: string,
  scope: string,
  all: unknown,
  hard: Readonly<Record<string, string>>,
): FieldError[] {
  const counted = SCOPES[scope];
  if (!counted) return [invalid(field, all, "unsupported scope")];
  const stray = Object.keys(hard).some((name) => !counted.includes(name));
  return stray ? [invalid(field, all, "unsupported scope applied to resource")] : [];
}

function validateSelector({ scopeSelector, hard = {} }: ResourceQuotaSpec): FieldError[] {
  const expressions = scopeSelector?.matchExpressions ?? [];
  const field = "spec.scopeSelector.matchExpressions";
  return expressions.flatMap((expression) => [
    ...validateScope(`${field}.scopeName`, expression.scopeName, expression.scopeName, hard),
    ...validateExpression(field, expression),
  ]);
}

function validateExpression(
  field: string,
  { scopeName, operator, values = [] }: ScopedResourceSelectorRequirement,
): FieldError[] {
  if (!OPERATORS.includes(operator)) return [notSupported(`${field}.operator`, operator, OPERATORS)];
  if (scopeName !== "PriorityClass" && operator !== "Exists")
    return [
      invalid(
        `${field}.operator`,
        operator,
        "must be 'Exist' only operator when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
      ),
    ];
  const isList = operator === "In" || operator === "NotIn";
  if (isList && values.length === 0)
    return [
      required(`${field}.values`, "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"),
    ];
  if (!isList && values.length > 0)
    return [
      invalid(
        `${field}.values`,
        values,
        "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
      ),
    ];
  return [];
}
