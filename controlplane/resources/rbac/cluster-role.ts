import type { ClusterRole } from "#api/generated/types.js";
import { clusterRoles } from "#api/refs.js";
import type { Kind } from "../kind.js";
import { roleColumns } from "./columns.js";
import { refuseAggregation, refuseEscalation } from "./escalation.js";
import { validateAggregation, validateRules } from "./validate.js";

/** https://kubernetes.io/docs/reference/access-authn-authz/rbac/#role-and-clusterrole */
export const clusterRole: Kind<ClusterRole> = {
  ...clusterRoles,
  singular: "clusterrole",
  schema: "ClusterRole",
  nameRule: "path-segment",
  columns: roleColumns,
  validate: (object) => [...validateRules(object.rules, false), ...validateAggregation(object)],
  admission: {
    beforeWrite(object, old, context) {
      refuseEscalation(clusterRoles, object, old, context);
      refuseAggregation(object, old, context);
    },
  },
};
