import { type FieldError, required } from "#api/field-error.js";
import type { ReplicationController, ReplicationControllerSpec } from "#api/generated/types.js";
import { replicationControllers } from "#api/refs.js";
import { formatSelector, requirementsOf } from "#api/selectors.js";
import { ageColumn, nameColumn, workloadColumns } from "./columns.js";
import { nonNegative } from "./field-rules.js";
import type { Kind } from "./kind.js";
import { defaultPodTemplate } from "./pod/defaults.js";
import { podSpecWarnings } from "./pod/warnings.js";
import { validateSelectedTemplate } from "./pod-template.js";
import { replicaColumns, validateReplicaStatus } from "./replicas.js";

type Spec = ReplicationControllerSpec;

/** A plain list of labels, as other workloads write it. */
const selectorOf = (spec: Spec | undefined) => ({ matchLabels: spec?.selector ?? {} });
const columns = workloadColumns<{ spec: Pick<Spec, "template"> & { selector: ReturnType<typeof selectorOf> } }>();

/** https://kubernetes.io/docs/concepts/workloads/controllers/replicationcontroller/ */
export const replicationController: Kind<ReplicationController> = {
  ...replicationControllers,
  singular: "replicationcontroller",
  shortNames: ["rc"],
  categories: ["all"],
  schema: "ReplicationController",
  nameRule: "dns-subdomain",
  hasGeneration: true,
  columns: [
    nameColumn,
    ...replicaColumns<ReplicationController>(),
    ageColumn,
    ...columns.map((column) => ({
      ...column,
      value: ({ spec }: ReplicationController, now: number) =>
        column.value({ spec: { template: spec?.template, selector: selectorOf(spec) } }, now),
    })),
  ],
  subresources: {
    status: { validate: ({ status }) => validateReplicaStatus(status) },
    scale: {
      replicas: ({ spec }) => spec?.replicas ?? 1,
      statusReplicas: ({ status }) => status?.replicas ?? 0,
      selector: ({ spec }) => formatSelector(requirementsOf(selectorOf(spec))),
      setReplicas(object, replicas) {
        object.spec = { ...object.spec, replicas };
      },
    },
  },
  defaults(object) {
    const spec: Spec = object.spec ?? {};
    object.spec = spec;
    spec.replicas ??= 1;
    if (spec.template) defaultPodTemplate(spec.template);
    takeLabelsOfTemplate(object, spec);
  },
  validate: ({ spec }) => [
    ...nonNegative("spec.replicas", spec?.replicas),
    ...nonNegative("spec.minReadySeconds", spec?.minReadySeconds),
    ...validateSelector(spec ?? {}),
  ],
  warnings: ({ spec }) => podSpecWarnings("spec.template.spec", spec?.template?.spec),
  prepareForCreate(object) {
    object.status = { replicas: 0 };
  },
  selectableFields: ({ status }) => ({ "status.replicas": String(status?.replicas ?? 0) }),
};

function takeLabelsOfTemplate({ metadata }: ReplicationController, spec: Spec): void {
  const labels = spec.template?.metadata?.labels;
  if (!labels) return;
  if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
  if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
}

function validateSelector(spec: Spec): FieldError[] {
  if (Object.keys(spec.selector ?? {}).length === 0) return [required("spec.selector")];
  return validateSelectedTemplate("spec", { template: spec.template, selector: selectorOf(spec) });
}
