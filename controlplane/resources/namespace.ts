import { type FieldError, invalid } from "#api/field-error.js";
import type { Namespace } from "#api/generated/types.js";
import { namespaces } from "#api/refs.js";
import { forbiddenError } from "#api/status-error.js";
import { invalidEach, qualifiedName } from "#api/validation/names.js";
import { ageColumn, nameColumn } from "./columns.js";
import type { ActionSubresource, Kind } from "./kind.js";

/** Without these no cluster works. */
const undeletable = ["default", "kube-system", "kube-public"];
const NAME_LABEL = "kubernetes.io/metadata.name";

/**
 * PUT namespaces/finalize: the namespace controller takes its finalizer off once the namespace is empty.
 * Only spec.finalizers is read from the body.
 */
const finalizeAction: ActionSubresource<Namespace> = {
  bodySchema: "Namespace",
  bodyGroup: "",
  bodyVersion: "v1",
  bodyKind: "Namespace",
  method: "PUT",
  apply(namespace, body) {
    namespace.spec = { ...namespace.spec, finalizers: (body as Namespace).spec?.finalizers };
    return namespace;
  },
};

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/ */
export const namespace: Kind<Namespace> = {
  ...namespaces,
  singular: "namespace",
  shortNames: ["ns"],
  schema: "Namespace",
  nameRule: "dns-label",
  columns: [
    nameColumn,
    { name: "Status", type: "string", description: "Active or Terminating.", value: ({ status }) => status?.phase },
    ageColumn,
  ],
  subresources: { status: { validate: validateStatus }, actions: { finalize: finalizeAction } },
  selectableFields: ({ status }) => ({ "status.phase": status?.phase ?? "" }),
  defaults({ metadata }) {
    if (metadata.name) metadata.labels = { ...metadata.labels, [NAME_LABEL]: metadata.name };
  },
  prepareForCreate(object) {
    object.status = { phase: "Active" };
    const finalizers = object.spec?.finalizers ?? [];
    if (!finalizers.includes("kubernetes")) object.spec = { ...object.spec, finalizers: [...finalizers, "kubernetes"] };
  },
  prepareForUpdate(object, old) {
    object.spec = old.spec;
    object.status = old.status;
  },
  validate: ({ spec }) => (spec?.finalizers ?? []).flatMap(validateFinalizer),
  admission: {
    beforeDelete({ metadata: { name } }) {
      if (undeletable.includes(name)) throw forbiddenError(namespaces, name, "this namespace may not be deleted");
    },
  },
  finalizers: ({ spec }) => spec?.finalizers ?? [],
  prepareForDelete(object) {
    object.status = { ...object.status, phase: "Terminating" };
  },
};

function validateFinalizer(name: string, index: number): FieldError[] {
  const field = `spec.finalizers[${index}]`;
  const errors = invalidEach(field, name, qualifiedName(name));
  if (name.includes("/") || name === "kubernetes") return errors;
  return [...errors, invalid(field, name, "name is neither a standard finalizer name nor is it fully qualified")];
}

function validateStatus({ metadata, status }: Namespace): FieldError[] {
  const phase = status?.phase ?? "";
  if (metadata.deletionTimestamp)
    return phase === "Terminating"
      ? []
      : [invalid("status.Phase", phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")];
  return phase === "Active"
    ? []
    : [invalid("status.Phase", phase, "may only be 'Active' if `deletionTimestamp` is empty")];
}
