import type { RoleBinding } from "#api/generated/types.js";
import { roleBindings } from "#api/refs.js";
import type { Kind } from "../kind.js";
import { defaultBinding } from "./binding-defaults.js";
import { bindingColumns } from "./columns.js";
import { refuseBinding } from "./escalation.js";
import { sameRole, validateBinding } from "./validate.js";

/** https://kubernetes.io/docs/reference/access-authn-authz/rbac/#rolebinding-and-clusterrolebinding */
export const roleBinding: Kind<RoleBinding> = {
  ...roleBindings,
  singular: "rolebinding",
  schema: "RoleBinding",
  nameRule: "path-segment",
  columns: bindingColumns,
  defaults: defaultBinding,
  validate: (object) => validateBinding(object, ["Role", "ClusterRole"]),
  validateUpdate: sameRole,
  admission: { beforeWrite: (object, old, context) => refuseBinding(roleBindings, object, old, context) },
};
