/**
 * The roles that every cluster has, for people and for Pods that ask the API.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings
 */
import type { ClusterRole, ClusterRoleBinding, PolicyRule } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { RBAC_GROUP } from "#api/rbac.js";
import { clusterRoleBindings, clusterRoles } from "#api/refs.js";
import type { Client } from "#client/client.js";
import { unlessThere } from "./cluster-objects.js";

const READ = ["get", "list", "watch"];
const WRITE = ["create", "delete", "deletecollection", "patch", "update"];
const EVERYTHING: PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];
const rule = (verbs: string[], group: string, ...resources: string[]): PolicyRule => ({
  verbs,
  apiGroups: [group],
  resources,
});

const apps = [
  "daemonsets",
  "deployments",
  "deployments/scale",
  "replicasets",
  "replicasets/scale",
  "statefulsets",
  "statefulsets/scale",
];
const network = ["ingresses", "networkpolicies"];
const jobs = ["cronjobs", "jobs"];
const core = [
  ...[
    "configmaps",
    "endpoints",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "replicationcontrollers/scale",
  ],
  ...["serviceaccounts", "services"],
];

/** By the role that they become part of. */
const VIEW: PolicyRule[] = [
  rule(READ, "", ...core, "persistentvolumeclaims/status", "pods/log", "pods/status", "services/status"),
  rule(READ, "", "bindings", "events", "limitranges", "namespaces", "resourcequotas", "resourcequotas/status"),
  rule(READ, "discovery.k8s.io", "endpointslices"),
  rule(READ, "apps", ...apps, "controllerrevisions"),
  rule(READ, "autoscaling", "horizontalpodautoscalers"),
  rule(READ, "batch", ...jobs),
  rule(READ, "networking.k8s.io", ...network),
  rule(READ, "policy", "poddisruptionbudgets"),
  rule(["get", "list"], "metrics.k8s.io", "pods", "nodes"),
];
const EDIT: PolicyRule[] = [
  rule(READ, "", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy"),
  rule(["impersonate"], "", "serviceaccounts"),
  rule(WRITE, "", ...core, "secrets", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "services/proxy"),
  rule(["create"], "", "pods/eviction", "serviceaccounts/token"),
  rule([...WRITE], "", "events"),
  rule(WRITE, "apps", ...apps, "deployments/rollback"),
  rule(WRITE, "autoscaling", "horizontalpodautoscalers"),
  rule(WRITE, "batch", ...jobs),
  rule(WRITE, "networking.k8s.io", ...network),
  rule(WRITE, "policy", "poddisruptionbudgets"),
  rule([...READ, ...WRITE], "coordination.k8s.io", "leases"),
];
const ADMIN: PolicyRule[] = [
  rule([...READ, ...WRITE], RBAC_GROUP, "rolebindings", "roles"),
  rule(["create"], "authorization.k8s.io", "localsubjectaccessreviews"),
];

const toRole = (name: string) => `${RBAC_GROUP}/aggregate-to-${name}`;
const BOOTSTRAP = { "kubernetes.io/bootstrapping": "rbac-defaults" };

function clusterRole(name: string, rules: PolicyRule[], labels: Record<string, string> = {}): Draft<ClusterRole> {
  return { metadata: { name, labels: { ...BOOTSTRAP, ...labels } }, rules };
}

/** Made of all roles with the label; its rules follow them, and are what they will be from the start. */
function aggregate(name: string, rules: PolicyRule[], labels: Record<string, string> = {}): Draft<ClusterRole> {
  const clusterRoleSelectors = [{ matchLabels: { [toRole(name)]: "true" } }];
  return { ...clusterRole(name, rules, labels), aggregationRule: { clusterRoleSelectors } };
}

const DISCOVERY = [
  "/api",
  "/api/*",
  "/apis",
  "/apis/*",
  "/healthz",
  "/livez",
  "/openapi",
  "/openapi/*",
  "/readyz",
  "/version",
  "/version/",
];
const ROLES: Draft<ClusterRole>[] = [
  clusterRole("cluster-admin", EVERYTHING),
  aggregate("admin", [...EDIT, ...VIEW, ...ADMIN]),
  aggregate("edit", [...EDIT, ...VIEW], { [toRole("admin")]: "true" }),
  aggregate("view", VIEW, { [toRole("edit")]: "true" }),
  clusterRole("system:aggregate-to-admin", ADMIN, { [toRole("admin")]: "true" }),
  clusterRole("system:aggregate-to-edit", EDIT, { [toRole("edit")]: "true" }),
  clusterRole("system:aggregate-to-view", VIEW, { [toRole("view")]: "true" }),
  clusterRole("system:discovery", [{ verbs: ["get"], nonResourceURLs: DISCOVERY }]),
  clusterRole("system:public-info-viewer", [
    { verbs: ["get"], nonResourceURLs: ["/healthz", "/livez", "/readyz", "/version", "/version/"] },
  ]),
  clusterRole("system:basic-user", [
    rule(["create"], "authorization.k8s.io", "selfsubjectaccessreviews", "selfsubjectrulesreviews"),
    rule(["create"], "authentication.k8s.io", "selfsubjectreviews"),
  ]),
  clusterRole("system:auth-delegator", [
    rule(["create"], "authentication.k8s.io", "tokenreviews"),
    rule(["create"], "authorization.k8s.io", "subjectaccessreviews"),
  ]),
];

const BINDINGS: Record<string, string[]> = {
  "cluster-admin": ["system:masters"],
  "system:discovery": ["system:authenticated"],
  "system:basic-user": ["system:authenticated"],
  "system:public-info-viewer": ["system:authenticated", "system:unauthenticated"],
};

function binding([name, groups]: [string, string[]]): Draft<ClusterRoleBinding> {
  return {
    metadata: { name, labels: BOOTSTRAP },
    roleRef: { apiGroup: RBAC_GROUP, kind: "ClusterRole", name },
    subjects: groups.map((name) => ({ apiGroup: RBAC_GROUP, kind: "Group", name })),
  };
}

/** Makes those that are missing. One that was changed stays as it is. */
export async function ensureClusterRoles(client: Client): Promise<void> {
  for (const draft of ROLES) await client.create(clusterRoles, draft).catch(unlessThere);
  for (const draft of Object.entries(BINDINGS).map(binding))
    await client.create(clusterRoleBindings, draft).catch(unlessThere);
}
