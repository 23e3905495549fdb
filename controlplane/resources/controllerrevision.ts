import { required } from "#api/field-error.js";
import type { ControllerRevision } from "#api/generated/types.js";
import { controllerRevisions } from "#api/refs.js";
import { ageColumn, nameColumn } from "./columns.js";
import { immutable, nonNegative } from "./field-rules.js";
import type { Kind } from "./kind.js";

/**
 * What a workload's template was at some time, kept so that one can go back to it. What it says never changes; its number does.
 * https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/controller-revision-v1/
 */
export const controllerRevision: Kind<ControllerRevision> = {
  ...controllerRevisions,
  singular: "controllerrevision",
  schema: "ControllerRevision",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    {
      name: "Controller",
      type: "string",
      description: "What it is a revision of.",
      value: ({ metadata }) => controllerText(metadata),
    },
    {
      name: "Revision",
      type: "string",
      description: "Its number: of two, the newer one has the higher.",
      value: ({ revision }) => String(revision),
    },
    ageColumn,
  ],
  validate: ({ data, revision }) => [
    ...(data === undefined || data === null ? [required("data", "data is mandatory")] : []),
    ...nonNegative("revision", revision),
  ],
  validateUpdate: ({ data }, old) => immutable("data", data, old.data),
};

function controllerText({ ownerReferences = [] }: ControllerRevision["metadata"]): string {
  const owner = ownerReferences.find(({ controller }) => controller);
  if (!owner) return "<none>";
  const [group, version] = owner.apiVersion.split("/");
  return `${owner.kind.toLowerCase()}${version ? `.${group}` : ""}/${owner.name}`;
}
