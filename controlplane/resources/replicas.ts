/** What ReplicaSets and ReplicationControllers have in common: they count Pods. */
import type { FieldError } from "#api/field-error.js";
import type { LabelSelector, ReplicaSetStatus } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { formatSelector, requirementsOf } from "#api/selectors.js";
import { nonNegative, notMoreThan } from "./field-rules.js";
import type { Column, ScaleSubresource } from "./kind.js";

const counts = [
  "replicas",
  "fullyLabeledReplicas",
  "readyReplicas",
  "availableReplicas",
  "observedGeneration",
] as const;

export function validateReplicaStatus(status: ReplicaSetStatus = { replicas: 0 }): FieldError[] {
  return [
    ...counts.flatMap((field) => nonNegative(`status.${field}`, status[field])),
    ...notMoreThan("status.fullyLabeledReplicas", status.fullyLabeledReplicas, status.replicas),
    ...notMoreThan("status.readyReplicas", status.readyReplicas, status.replicas),
    ...notMoreThan("status.availableReplicas", status.availableReplicas, status.replicas),
    ...notMoreThan("status.availableReplicas", status.availableReplicas, status.readyReplicas, "readyReplicas"),
  ];
}

interface Counted {
  spec?: { replicas?: number };
  status?: ReplicaSetStatus;
}

export const replicaColumns = <T extends Counted>(): Column<T>[] => [
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
];

interface Replicated {
  spec: { replicas?: number; selector: LabelSelector };
  status?: { replicas?: number; readyReplicas?: number };
}

export const readyColumn: Column<Replicated> = {
  name: "Ready",
  type: "string",
  description: "Pods that are ready, out of those wanted.",
  value: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 1}`,
};

/** The scale of what has `spec.replicas` and a selector. */
export const replicasScale = <T extends KubeObject & Replicated>(): ScaleSubresource<T> => ({
  replicas: ({ spec }) => spec.replicas ?? 1,
  statusReplicas: ({ status }) => status?.replicas ?? 0,
  selector: ({ spec }) => formatSelector(requirementsOf(spec.selector)),
  setReplicas(object, replicas) {
    object.spec.replicas = replicas;
  },
});
