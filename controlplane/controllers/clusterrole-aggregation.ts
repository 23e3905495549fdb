/** Keeps ClusterRoles that are made of others up to date. */
import type { ClusterRole, PolicyRule } from "#api/generated/types.js";
import { clusterRoles } from "#api/refs.js";
import { matchLabelSelector } from "#api/selectors.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { type Controller, watch } from "./controller.js";

/** https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles */
export function clusterRoleAggregationController(): Controller {
  return {
    name: "clusterrole-aggregation",
    watches: [
      watch({
        ref: clusterRoles,
        keys: (_role, { informer }) =>
          informer(clusterRoles)
            .list()
            .filter(({ aggregationRule }) => aggregationRule)
            .map(({ metadata }) => metadata.name),
      }),
    ],
    async reconcile(name, { informer, client }) {
      const role = informer(clusterRoles).get(name);
      if (!role?.aggregationRule) return undefined;
      const rules = union(role, informer(clusterRoles).list());
      if (!semanticEqual(rules, role.rules ?? [])) await client.update(clusterRoles, { ...role, rules });
      return undefined;
    },
  };
}

function union({ aggregationRule, metadata }: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const parts = (aggregationRule?.clusterRoleSelectors ?? []).flatMap((selector) =>
    all
      .filter((other) => other.metadata.name !== metadata.name && matchLabelSelector(selector, other.metadata.labels))
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)),
  );
  const rules: PolicyRule[] = [];
  for (const rule of parts.flatMap((part) => part.rules ?? []))
    if (!rules.some((known) => semanticEqual(known, rule))) rules.push(rule);
  return rules;
}
