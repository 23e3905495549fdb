import type { LabelSelector } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import type { ResourceRef } from "#api/resource.js";
import { matchLabelSelector } from "#api/selectors.js";
import { isInvalid, isNotFound } from "#api/status-error.js";
import type { Client } from "#client/client.js";
import type { Informer } from "#client/informer.js";
import { controllerReference } from "./owner-reference.js";

export interface Owner extends KubeObject {
  spec: { selector: LabelSelector };
}

export interface ClaimPlan<T> {
  /** Managed by the owner and matching its selector. */
  owned: T[];
  /** Match, and nobody manages them: to be adopted. */
  adopt: T[];
  /** Managed by the owner but matching no longer: to be let go. */
  release: T[];
}

/** Sorts managed objects by what their owner's selector says of them. An owner being deleted takes and releases nothing. */
export function planClaims<T extends KubeObject>(owner: Owner, managed: readonly T[], orphans: readonly T[]) {
  const plan: ClaimPlan<T> = { owned: [], adopt: [], release: [] };
  const { selector } = owner.spec;
  const dying = owner.metadata.deletionTimestamp !== undefined;
  for (const object of managed) {
    if (matchLabelSelector(selector, object.metadata.labels)) plan.owned.push(object);
    else if (!dying && !object.metadata.deletionTimestamp) plan.release.push(object);
  }
  if (dying) return plan;
  for (const object of orphans) {
    if (!object.metadata.deletionTimestamp && matchLabelSelector(selector, object.metadata.labels))
      plan.adopt.push(object);
  }
  return plan;
}

/**
 * The objects `owner` manages by now, after adopting and releasing. The collection's informer must carry
 * `ownershipIndexes`. What is no member is neither adopted nor released. Adoption asks the server first whether the owner still lives: a stale cache must not adopt for the dead.
 */
export async function claim<T extends KubeObject>(
  client: Client,
  owner: { ref: ResourceRef; object: Owner },
  collection: { ref: ResourceRef<T>; informer: Informer<T>; isMember?(object: T): boolean },
): Promise<T[]> {
  const { namespace, uid } = owner.object.metadata;
  const { ref, informer, isMember = () => true } = collection;
  const managed = informer.byIndex("controllerUid", uid).filter(isMember);
  const orphans = informer.byIndex("unmanagedNamespace", namespace ?? "").filter(isMember);
  const plan = planClaims(owner.object, managed, orphans);
  for (const object of plan.release) await patchOwners(client, ref, object, releasePatch(object, uid));
  if (plan.adopt.length === 0) return plan.owned;
  const live = await client.get(owner.ref, owner.object.metadata.name, namespace);
  if (live.metadata.uid !== uid || live.metadata.deletionTimestamp) return plan.owned;
  for (const object of plan.adopt) {
    const reference = controllerReference(owner.ref, owner.object);
    const body = { metadata: { uid: object.metadata.uid, ownerReferences: [reference] } };
    const adopted = await patchOwners(client, ref, object, body);
    if (adopted) plan.owned.push(adopted);
  }
  return plan.owned;
}

function releasePatch(object: KubeObject, ownerUid: string): object {
  return { metadata: { uid: object.metadata.uid, ownerReferences: [{ $patch: "delete", uid: ownerUid }] } };
}

/** Undefined when the object is gone, or is another one by now (its uid differs: 422). */
async function patchOwners<T extends KubeObject>(
  client: Client,
  ref: ResourceRef<T>,
  object: T,
  body: object,
): Promise<T | undefined> {
  const { name, namespace } = object.metadata;
  try {
    return await client.patch(ref, name, { type: "application/strategic-merge-patch+json", body }, { namespace });
  } catch (error) {
    if (isNotFound(error) || isInvalid(error)) return undefined;
    throw error;
  }
}
