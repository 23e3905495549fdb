import { isDeepStrictEqual } from "node:util";
import { type FieldError, forbidden, invalid, required } from "#api/field-error.js";
import type { PodTemplateSpec, StatefulSet, StatefulSetUpdateStrategy } from "#api/generated/types.js";
import { nonNegative, notMoreThan, oneOf, share } from "../field-rules.js";
import { validateSelectedTemplate } from "../pod-template.js";

const UPDATE_STRATEGIES = ["OnDelete", "RollingUpdate"];
const RETENTIONS = ["Retain", "Delete"];

function validateUpdateStrategy({ type, rollingUpdate }: StatefulSetUpdateStrategy): FieldError[] {
  const path = "spec.updateStrategy";
  const errors = oneOf(`${path}.type`, type, UPDATE_STRATEGIES);
  if (!rollingUpdate) return errors;
  const field = `${path}.rollingUpdate`;
  if (type === "OnDelete")
    return [...errors, invalid(field, rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'")];
  const { partition, maxUnavailable } = rollingUpdate;
  errors.push(...nonNegative(`${field}.partition`, partition), ...share(`${field}.maxUnavailable`, maxUnavailable));
  const most = Number.parseInt(String(maxUnavailable ?? 1), 10);
  if (most === 0) errors.push(invalid(`${field}.maxUnavailable`, maxUnavailable, "cannot be 0"));
  if (typeof maxUnavailable === "string" && most > 100)
    errors.push(invalid(`${field}.maxUnavailable`, maxUnavailable, "must not be greater than 100%"));
  return errors;
}

export function validateStatefulSet({ spec }: StatefulSet): FieldError[] {
  const { whenDeleted, whenScaled } = spec.persistentVolumeClaimRetentionPolicy ?? {};
  const retention = "spec.persistentVolumeClaimRetentionPolicy";
  return [
    ...oneOf("spec.podManagementPolicy", spec.podManagementPolicy, ["OrderedReady", "Parallel"]),
    ...validateUpdateStrategy(spec.updateStrategy ?? {}),
    ...oneOf(`${retention}.whenDeleted`, whenDeleted, RETENTIONS),
    ...oneOf(`${retention}.whenScaled`, whenScaled, RETENTIONS),
    ...nonNegative("spec.replicas", spec.replicas),
    ...nonNegative("spec.minReadySeconds", spec.minReadySeconds),
    ...nonNegative("spec.revisionHistoryLimit", spec.revisionHistoryLimit),
    ...nonNegative("spec.ordinals.start", spec.ordinals?.start),
    ...(spec.volumeClaimTemplates ?? []).flatMap(({ metadata }, i) =>
      metadata?.name ? [] : [required(`spec.volumeClaimTemplates[${i}].metadata.name`)],
    ),
    ...validateSelectedTemplate("spec", { ...spec, template: withClaims(spec) }, "statefulset"),
  ];
}

/** Containers mount the set's claims by their names, as if they stood among the template's volumes. */
function withClaims({ template, volumeClaimTemplates = [] }: StatefulSet["spec"]): PodTemplateSpec {
  const names = new Set(volumeClaimTemplates.map(({ metadata }) => metadata?.name));
  const claims = [...names].map((name = "") => ({ name, persistentVolumeClaim: { claimName: name } }));
  const others = template.spec?.volumes?.filter(({ name }) => !names.has(name)) ?? [];
  return template.spec ? { ...template, spec: { ...template.spec, volumes: [...others, ...claims] } } : template;
}

const CHANGEABLE = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
] as const;

export function validateStatefulSetUpdate({ spec }: StatefulSet, { spec: old }: StatefulSet): FieldError[] {
  const rest = (from: StatefulSet["spec"]) =>
    Object.fromEntries(Object.entries(from).filter(([key]) => !(CHANGEABLE as readonly string[]).includes(key)));
  if (isDeepStrictEqual(rest(spec), rest(old))) return [];
  const names = CHANGEABLE.map((name) => `'${name}'`);
  const list = `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
  return [forbidden("spec", `updates to statefulset spec for fields other than ${list} are forbidden`)];
}

export function validateStatefulSetStatus({ status }: StatefulSet, { status: old }: StatefulSet): FieldError[] {
  const counts = status ?? { replicas: 0 };
  const { replicas, readyReplicas, currentReplicas, updatedReplicas, availableReplicas } = counts;
  const errors = (
    [
      "replicas",
      "readyReplicas",
      "currentReplicas",
      "updatedReplicas",
      "availableReplicas",
      "observedGeneration",
      "collisionCount",
    ] as const
  ).flatMap((field) => nonNegative(`status.${field}`, counts[field]));
  if ((counts.collisionCount ?? 0) < (old?.collisionCount ?? 0))
    errors.push(invalid("status.collisionCount", counts.collisionCount, "cannot be decremented"));
  return [
    ...errors,
    ...notMoreThan("status.readyReplicas", readyReplicas, replicas),
    ...notMoreThan("status.currentReplicas", currentReplicas, replicas),
    ...notMoreThan("status.updatedReplicas", updatedReplicas, replicas),
    ...notMoreThan("status.availableReplicas", availableReplicas, replicas),
    ...notMoreThan("status.availableReplicas", availableReplicas, readyReplicas, "status.readyReplicas"),
  ];
}
