/** Nobody gives away more than he has. https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping */
import { isDeepStrictEqual } from "node:util";
import type { ClusterRole, PolicyRule, RoleRef } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { allowsResource, describeRule, RBAC_GROUP, roleOf, rulesOf, uncovered } from "#api/rbac.js";
import { clusterRoles } from "#api/refs.js";
import type { ResourceRef } from "#api/resource.js";
import { forbiddenError, notFoundError } from "#api/status-error.js";
import type { AdmissionContext } from "../kind.js";

/** Authorizes itself by its certificate: what there are no roles for yet. */
const MASTERS = "system:masters";

type Ruled = KubeObject & { rules?: readonly PolicyRule[] };

/** @throws StatusError 403 when the writer has not all that the role would give */
export function refuseEscalation(
  ref: ResourceRef,
  object: Ruled,
  old: Ruled | undefined,
  context: AdmissionContext,
): void {
  if (context.user.groups.includes(MASTERS) || (old && isDeepStrictEqual(object.rules, old.rules))) return;
  const { name, namespace } = object.metadata;
  const owned = [...rulesOf(context.user, namespace, context)].map(({ rule }) => rule);
  const wish = { verb: "escalate", group: RBAC_GROUP, plural: ref.plural, name };
  if (owned.some((rule) => allowsResource(rule, wish))) return;
  refuseMissing(ref, name, object.rules ?? [], owned, context);
}

const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

/**
 * A role that is made of others may come to hold anything.
 * @throws StatusError 403 when the writer may not do everything
 */
export function refuseAggregation(object: ClusterRole, old: ClusterRole | undefined, context: AdmissionContext): void {
  const { metadata, aggregationRule } = object;
  if (!aggregationRule || context.user.groups.includes(MASTERS)) return;
  if (isDeepStrictEqual(aggregationRule, old?.aggregationRule)) return;
  const owned = [...rulesOf(context.user, undefined, context)].map(({ rule }) => rule);
  if (uncovered(owned, EVERYTHING).length === 0) return;
  throw forbiddenError(clusterRoles, metadata.name, "must have cluster-admin privileges to use the aggregationRule");
}

type Bound = KubeObject & { roleRef: RoleRef; subjects?: readonly object[] };

/** @throws StatusError 403 when the writer has not all that the role gives, nor the right to bind it; 404 without the role */
export function refuseBinding(
  ref: ResourceRef,
  object: Bound,
  old: Bound | undefined,
  context: AdmissionContext,
): void {
  const isSame = old && isDeepStrictEqual([object.roleRef, object.subjects], [old.roleRef, old.subjects]);
  if (context.user.groups.includes(MASTERS) || isSame) return;
  const { metadata, roleRef } = object;
  const owned = [...rulesOf(context.user, metadata.namespace, context)].map(({ rule }) => rule);
  const plural = roleRef.kind === "Role" ? "roles" : "clusterroles";
  if (owned.some((rule) => allowsResource(rule, { verb: "bind", group: RBAC_GROUP, plural, name: roleRef.name })))
    return;
  const role = roleOf(roleRef, metadata.namespace, context);
  if (!role) throw notFoundError({ group: RBAC_GROUP, plural, kind: roleRef.kind }, roleRef.name);
  refuseMissing(ref, metadata.name, role.rules ?? [], owned, context);
}

function refuseMissing(
  ref: ResourceRef,
  name: string,
  wanted: readonly PolicyRule[],
  owned: readonly PolicyRule[],
  { user }: AdmissionContext,
): void {
  const missing = uncovered(owned, wanted);
  if (missing.length === 0) return;
  const groups = user.groups.map((group) => JSON.stringify(group)).join(" ");
  const who = `user ${JSON.stringify(user.name)} (groups=[${groups}])`;
  const why = `${who} is attempting to grant RBAC permissions not currently held:\n${missing.map(describeRule).join("\n")}`;
  throw forbiddenError(ref, name, why);
}
