import { isDeepStrictEqual } from "node:util";
import { type FieldError, invalid, notSupported, required } from "#api/field-error.js";
import type { ClusterRole, PolicyRule, RbacV1Subject, RoleRef } from "#api/generated/types.js";
import { RBAC_GROUP } from "#api/rbac.js";
import { validateLabelSelector } from "#api/validation/labels.js";
import { dns1123Subdomain, invalidEach, pathSegmentName } from "#api/validation/names.js";

export function validateRules(rules: readonly PolicyRule[] = [], isNamespaced: boolean): FieldError[] {
  return rules.flatMap((rule, i) => validateRule(`rules[${i}]`, rule, isNamespaced));
}

function validateRule(path: string, rule: PolicyRule, isNamespaced: boolean): FieldError[] {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const errors = verbs?.length ? [] : [required(`${path}.verbs`, "verbs must contain at least one value")];
  if (nonResourceURLs.length > 0) {
    if (isNamespaced)
      errors.push(
        invalid(`${path}.nonResourceURLs`, nonResourceURLs, "namespaced rules cannot apply to non-resource URLs"),
      );
    if (apiGroups.length + resources.length + resourceNames.length > 0)
      errors.push(
        invalid(
          `${path}.nonResourceURLs`,
          nonResourceURLs,
          "rules cannot apply to both regular resources and non-resource URLs",
        ),
      );
    return errors;
  }
  if (apiGroups.length === 0)
    errors.push(required(`${path}.apiGroups`, "resource rules must supply at least one api group"));
  if (resources.length === 0)
    errors.push(required(`${path}.resources`, "resource rules must supply at least one resource"));
  return errors;
}

export function validateAggregation({ aggregationRule }: ClusterRole): FieldError[] {
  if (!aggregationRule) return [];
  const path = "aggregationRule.clusterRoleSelectors";
  const { clusterRoleSelectors: selectors = [] } = aggregationRule;
  if (selectors.length === 0)
    return [required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil")];
  return selectors.flatMap((selector, i) => validateLabelSelector(`${path}[${i}]`, selector));
}

export function validateBinding(
  { roleRef, subjects = [] }: { roleRef: RoleRef; subjects?: readonly RbacV1Subject[] },
  kinds: readonly string[],
): FieldError[] {
  const errors =
    roleRef.apiGroup === RBAC_GROUP ? [] : [notSupported("roleRef.apiGroup", roleRef.apiGroup, [RBAC_GROUP])];
  if (!kinds.includes(roleRef.kind)) errors.push(notSupported("roleRef.kind", roleRef.kind, kinds));
  if (!roleRef.name) errors.push(required("roleRef.name"));
  else errors.push(...invalidEach("roleRef.name", roleRef.name, pathSegmentName(roleRef.name)));
  return [...errors, ...subjects.flatMap((subject, i) => validateSubject(`subjects[${i}]`, subject, kinds.length > 1))];
}

const SUBJECTS = ["Group", "ServiceAccount", "User"];

function validateSubject(
  path: string,
  { kind, name, namespace, apiGroup = "" }: RbacV1Subject,
  isNamespaced: boolean,
): FieldError[] {
  const errors = name ? [] : [required(`${path}.name`)];
  if (!SUBJECTS.includes(kind)) return [...errors, notSupported(`${path}.kind`, kind, SUBJECTS)];
  const group = kind === "ServiceAccount" ? "" : RBAC_GROUP;
  if (apiGroup !== group) errors.push(notSupported(`${path}.apiGroup`, apiGroup, [group]));
  if (kind !== "ServiceAccount") return errors;
  if (name) errors.push(...invalidEach(`${path}.name`, name, dns1123Subdomain(name)));
  if (!isNamespaced && !namespace) errors.push(required(`${path}.namespace`));
  return errors;
}

/** Who was given one role has not been given another. */
export function sameRole({ roleRef }: { roleRef: RoleRef }, { roleRef: old }: { roleRef: RoleRef }): FieldError[] {
  return isDeepStrictEqual(roleRef, old) ? [] : [invalid("roleRef", roleRef, "cannot change roleRef")];
}
