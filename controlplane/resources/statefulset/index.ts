import type { StatefulSet } from "#api/generated/types.js";
import { statefulSets } from "#api/refs.js";
import { ageColumn, nameColumn, workloadColumns } from "../columns.js";
import type { Kind } from "../kind.js";
import { defaultClaimSpec } from "../persistentvolumeclaim/claim-defaults.js";
import { defaultPodTemplate } from "../pod/defaults.js";
import { podSpecWarnings } from "../pod/warnings.js";
import { readyColumn, replicasScale } from "../replicas.js";
import { validateStatefulSet, validateStatefulSetStatus, validateStatefulSetUpdate } from "./validate.js";

/** https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/ */
export const statefulSet: Kind<StatefulSet> = {
  ...statefulSets,
  singular: "statefulset",
  shortNames: ["sts"],
  categories: ["all"],
  schema: "StatefulSet",
  nameRule: "dns-label",
  hasGeneration: true,
  columns: [
    nameColumn,
    readyColumn,
    ageColumn,
    ...workloadColumns<StatefulSet>().filter(({ name }) => name !== "Selector"),
  ],
  subresources: {
    status: { validate: validateStatefulSetStatus },
    scale: replicasScale<StatefulSet>(),
  },
  defaults: defaultStatefulSet,
  validate: validateStatefulSet,
  validateUpdate: validateStatefulSetUpdate,
  warnings: ({ spec }) => podSpecWarnings("spec.template.spec", spec.template?.spec),
  prepareForCreate(object) {
    object.status = { replicas: 0, availableReplicas: 0 };
  },
};

function defaultStatefulSet(object: StatefulSet): void {
  const spec = object.spec ?? {};
  object.spec = spec;
  spec.podManagementPolicy ||= "OrderedReady";
  spec.updateStrategy ??= {};
  const strategy = spec.updateStrategy;
  strategy.type ||= "RollingUpdate";
  if (strategy.type === "RollingUpdate") {
    strategy.rollingUpdate ??= {};
    strategy.rollingUpdate.partition ??= 0;
    strategy.rollingUpdate.maxUnavailable ??= 1;
  }
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= "Retain";
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= "Retain";
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion ??= "v1";
    claim.kind ??= "PersistentVolumeClaim";
    claim.status ??= { phase: "Pending" };
    defaultClaimSpec(claim.spec);
  }
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  spec.template ??= {};
  defaultPodTemplate(spec.template);
}
