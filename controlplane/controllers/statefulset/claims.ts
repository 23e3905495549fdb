/**
 * Claims that go with an ordinal, not with a Pod: whoever has it next finds the same data.
 * https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#stable-storage
 */
import type { OwnerReference, PersistentVolumeClaim, Pod, StatefulSet } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { persistentVolumeClaims, pods, statefulSets } from "#api/refs.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { isAlreadyExists } from "#api/status-error.js";
import type { ControllerContext } from "../controller.js";
import { controllerReference } from "../ownership/owner-reference.js";
import { claimName, ordinalOf } from "./identity.js";
import { isWanted } from "./plan.js";

/** @throws Error when one that is needed is on its way out */
export async function ensureClaims(set: StatefulSet, ordinal: number, context: ControllerContext): Promise<void> {
  const { client, informer, event } = context;
  for (const template of set.spec.volumeClaimTemplates ?? []) {
    const name = claimName(template, set, ordinal);
    const found = informer(persistentVolumeClaims).get(`${set.metadata.namespace}/${name}`);
    if (found?.metadata.deletionTimestamp) throw new Error(`pvc ${name} is being deleted`);
    if (found) continue;
    try {
      await client.create(persistentVolumeClaims, newClaim(template, set, name));
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      continue;
    }
    const { name: setName } = set.metadata;
    event(
      set,
      "Normal",
      "SuccessfulCreate",
      `create Claim ${name} Pod ${setName}-${ordinal} in StatefulSet ${setName} success`,
    );
  }
}

function newClaim(
  { metadata, spec }: PersistentVolumeClaim,
  set: StatefulSet,
  name: string,
): Draft<PersistentVolumeClaim> {
  const labels = { ...metadata.labels, ...set.spec.selector.matchLabels };
  const { whenDeleted } = set.spec.persistentVolumeClaimRetentionPolicy ?? {};
  const ownerReferences = whenDeleted === "Delete" ? [controllerReference(statefulSets, set)] : undefined;
  const { annotations } = metadata;
  return { metadata: { name, namespace: set.metadata.namespace, labels, annotations, ownerReferences }, spec };
}

/**
 * Says who takes the claims of a Pod along: the set, the Pod, or nobody.
 * https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#persistentvolumeclaim-retention
 */
export async function keepClaims(set: StatefulSet, pod: Pod, { client, informer }: ControllerContext): Promise<void> {
  const ordinal = ordinalOf(set, pod) as number;
  const isSurplus = !isWanted(set, ordinal);
  for (const template of set.spec.volumeClaimTemplates ?? []) {
    const key = `${set.metadata.namespace}/${claimName(template, set, ordinal)}`;
    const claim = informer(persistentVolumeClaims).get(key);
    if (!claim || claim.metadata.deletionTimestamp) continue;
    const others = (claim.metadata.ownerReferences ?? []).filter(({ kind, name }) => !isOurs(kind, name, set, pod));
    const ownerReferences = [...others, ...owners(set, pod, isSurplus)];
    if (semanticEqual(ownerReferences, claim.metadata.ownerReferences ?? [])) continue;
    await client.update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, ownerReferences } });
  }
}

const isOurs = (kind: string, name: string, set: StatefulSet, pod: Pod) =>
  (kind === statefulSets.kind && name === set.metadata.name) || (kind === pods.kind && name === pod.metadata.name);

function owners(set: StatefulSet, pod: Pod, isSurplus: boolean): OwnerReference[] {
  const { whenDeleted, whenScaled } = set.spec.persistentVolumeClaimRetentionPolicy ?? {};
  if (isSurplus && whenScaled === "Delete") return [controllerReference(pods, pod)];
  return whenDeleted === "Delete" ? [controllerReference(statefulSets, set)] : [];
}
