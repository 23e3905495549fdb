import type { ReplicaSet, ReplicaSetSpec } from "#api/generated/types.js";
import { replicaSets } from "#api/refs.js";
import { formatSelector, requirementsOf } from "#api/selectors.js";
import { ageColumn, nameColumn, workloadColumns } from "./columns.js";
import { immutable, nonNegative } from "./field-rules.js";
import type { Kind } from "./kind.js";
import { defaultPodTemplate } from "./pod/defaults.js";
import { podSpecWarnings } from "./pod/warnings.js";
import { validateSelectedTemplate } from "./pod-template.js";
import { replicaColumns, validateReplicaStatus } from "./replicas.js";

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
    ...replicaColumns<ReplicaSet>(),
    ageColumn,
    ...workloadColumns<ReplicaSet & { spec: ReplicaSetSpec }>(),
  ],
  subresources: {
    status: { validate: ({ status }) => validateReplicaStatus(status) },
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
