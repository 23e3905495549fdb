import type { RbacV1Subject, RoleRef } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { ageColumn, nameColumn } from "../columns.js";
import type { Column } from "../kind.js";

export const roleColumns: readonly Column<KubeObject>[] = [
  nameColumn,
  {
    name: "Created At",
    type: "string",
    description: "When it was made.",
    value: ({ metadata }) => metadata.creationTimestamp,
  },
];

type Binding = KubeObject & { roleRef: RoleRef; subjects?: readonly RbacV1Subject[] };

const subjects = (name: string, kind: string): Column<Binding> => ({
  name,
  type: "string",
  priority: 1,
  description: `Who has the role, of kind ${kind}.`,
  value: ({ subjects = [] }) =>
    subjects
      .filter((subject) => subject.kind === kind)
      .map(({ name, namespace }) => (namespace ? `${namespace}/${name}` : name))
      .join(", "),
});

export const bindingColumns: readonly Column<Binding>[] = [
  nameColumn,
  { name: "Role", type: "string", description: "The role.", value: ({ roleRef }) => `${roleRef.kind}/${roleRef.name}` },
  ageColumn,
  subjects("Users", "User"),
  subjects("Groups", "Group"),
  subjects("ServiceAccounts", "ServiceAccount"),
];
