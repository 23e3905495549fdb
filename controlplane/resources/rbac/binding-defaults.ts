import type { RbacV1Subject, RoleRef } from "#api/generated/types.js";
import { RBAC_GROUP } from "#api/rbac.js";

/** Fills the API groups of the role and of those who have it, in place. */
export function defaultBinding({ roleRef, subjects = [] }: { roleRef: RoleRef; subjects?: RbacV1Subject[] }): void {
  roleRef.apiGroup ||= RBAC_GROUP;
  for (const subject of subjects) if (subject.kind !== "ServiceAccount") subject.apiGroup ||= RBAC_GROUP;
}
