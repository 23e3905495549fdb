import type { FieldError } from "#api/field-error.js";
import type { ReplicaSet, ReplicaSetSpec, ReplicaSetStatus } from "#api/generated/types.js";
import { replicaSets } from "#api/refs.js";
import { formatSelector, requirementsOf } from "#api/selectors.js";
import { ageColumn, nameColumn, workloadColumns } from "./columns.js";
import { immutable, nonNegative, notMoreThan } from "./field-rules.js";
import type { Kind } from "./kind.js";
import { defaultPodTemplate } from "./pod/defaults.js";
import { podSpecWarnings } from "./pod/warnings.js";
import { validateSelectedTemplate } from "./pod-template.js";

const counts = [
  "replicas",
  "fullyLabeledReplicas",
  "readyReplicas",
  "availableReplicas",
  "observedGeneration",
] as const;

function validateStatus(status: ReplicaSetStatus = { replicas: 0 }): FieldError[] {
  return [
    ...counts.flatMap((field) => nonNegative(`status.${field}`, status[field])),
    ...notMoreThan("status.fullyLabeledReplicas", status.fullyLabeledReplicas, status.replicas),
    ...notMoreThan("status.readyReplicas", status.readyReplicas, status.replicas),
    ...notMoreThan("status.availableReplicas", status.availableReplicas, status.replicas),
    ...notMoreThan("status.availableReplicas", status.availableReplicas, status.readyReplicas, "readyReplicas"),
  ];
}

/** https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/ */
export const replicaSet: Kind<ReplicaSet> = {
  ...replicaSets,
  singular: "replicaset",
  shortNames: ["rs"],
  categories: ["all"],
  schema: "ReplicaSet",
  nameRule: "dns-subdomain",
  hasGeneration: true,
  columns: [
    nameColumn,
    {
      name: "Desired",
      type: "integer",
      description: "Pods wanted.",
      value: ({ spec }) => spec?.replicas ?? 1,
    },
    {
      name: "Current",
      type: "integer",
      description: "Pods there are.",
      value: ({ status }) => status?.replicas ?? 0,
    },
    {
      name: "Ready",
      type: "integer",
      description: "Pods that are ready.",
      value: ({ status }) => status?.readyReplicas ?? 0,
    },
    ageColumn,
    ...workloadColumns<ReplicaSet & { spec: ReplicaSetSpec }>(),
  ],
  subresources: {
    status: { validate: ({ status }) => validateStatus(status) },
    scale: {
      replicas: ({ spec }) => spec?.replicas ?? 1,
      statusReplicas: ({ status }) => status?.replicas ?? 0,
      selector: ({ spec }) => formatSelector(requirementsOf(spec?.selector ?? {})),
      setReplicas(object, replicas) {
        object.spec = { ...(object.spec as ReplicaSetSpec), replicas };
      },
    },
  },
  defaults(object) {
    const spec: Partial<ReplicaSetSpec> = object.spec ?? {};
    object.spec = spec as ReplicaSetSpec;
    spec.replicas ??= 1;
    spec.template ??= {};
    defaultPodTemplate(spec.template);
  },
  validate: ({ spec }) => [
    ...nonNegative("spec.replicas", spec?.replicas),
    ...nonNegative("spec.minReadySeconds", spec?.minReadySeconds),
    ...validateSelectedTemplate("spec", spec ?? {}),
  ],
  validateUpdate: (object, old) => immutable("spec.selector", object.spec?.selector, old.spec?.selector),
  warnings: ({ spec }) => podSpecWarnings("spec.template.spec", spec?.template?.spec),
  prepareForCreate(object) {
    object.status = { replicas: 0 };
  },
  selectableFields: ({ status }) => ({ "status.replicas": String(status?.replicas ?? 0) }),
};
