import type { ClusterRoleBinding } from "#api/generated/types.js";
import { clusterRoleBindings } from "#api/refs.js";
import type { Kind } from "../kind.js";
import { defaultBinding } from "./binding-defaults.js";
import { bindingColumns } from "./columns.js";
import { refuseBinding } from "./escalation.js";
import { sameRole, validateBinding } from "./validate.js";

/** https://kubernetes.io/docs/reference/access-authn-authz/rbac/#rolebinding-and-clusterrolebinding */
export const clusterRoleBinding: Kind<ClusterRoleBinding> = {
  ...clusterRoleBindings,
  singular: "clusterrolebinding",
  schema: "ClusterRoleBinding",
  nameRule: "path-segment",
  columns: bindingColumns,
  defaults: defaultBinding,
  validate: (object) => validateBinding(object, ["ClusterRole"]),
  validateUpdate: sameRole,
  admission: { beforeWrite: (object, old, context) => refuseBinding(clusterRoleBindings, object, old, context) },
};
