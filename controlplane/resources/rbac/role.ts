import type { Role } from "#api/generated/types.js";
import { roles } from "#api/refs.js";
import type { Kind } from "../kind.js";
import { roleColumns } from "./columns.js";
import { refuseEscalation } from "./escalation.js";
import { validateRules } from "./validate.js";

/** https://kubernetes.io/docs/reference/access-authn-authz/rbac/#role-and-clusterrole */
export const role: Kind<Role> = {
  ...roles,
  singular: "role",
  schema: "Role",
  nameRule: "path-segment",
  columns: roleColumns,
  validate: ({ rules }) => validateRules(rules, true),
  admission: { beforeWrite: (object, old, context) => refuseEscalation(roles, object, old, context) },
};
