import type { ControllerRevision } from "#api/generated/types.js";
import { controllerRevisions } from "#api/refs.js";
import type { ResourceRef } from "#api/resource.js";
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from "#api/status-error.js";
import type { ControllerContext } from "../controller.js";
import type { OwnWrites } from "../ownership/own-writes.js";
import { controllerOf } from "../ownership/owner-reference.js";
import { isSameTemplate, planHistory, type Templated } from "./plan.js";

interface Owned<T extends Templated> {
  readonly key: string;
  readonly ref: ResourceRef<T>;
  readonly owner: T;
  /** Of ControllerRevisions. */
  readonly writes: OwnWrites;
  readonly context: ControllerContext;
}

/** The revision of the template as it is; made, or given the highest number again, where it has to be. */
export async function writeRevision<T extends Templated>(
  { key, ref, owner, writes, context }: Owned<T>,
  history: readonly ControllerRevision[],
): Promise<ControllerRevision> {
  const { client } = context;
  const { update, write } = planHistory(ref, owner, history);
  if (!write) return update as ControllerRevision;
  if (write === "update") {
    const renumbered = await client.update(controllerRevisions, update as ControllerRevision);
    writes.wrote(key, renumbered);
    return renumbered;
  }
  try {
    const created = await client.create(controllerRevisions, update);
    writes.wrote(key, created);
    return created;
  } catch (error) {
    if (!isAlreadyExists(error) || isNamespaceTerminating(error)) throw error;
  }
  // By us, in a cache that has not shown it yet, or another template of the same hash.
  const { name, namespace, uid } = owner.metadata;
  const existing = await client.get(controllerRevisions, update.metadata.name ?? "", namespace);
  if (controllerOf(existing)?.uid === uid && isSameTemplate(existing, update)) return existing;
  const body = { status: { collisionCount: (owner.status?.collisionCount ?? 0) + 1 } };
  const patch = { type: "application/merge-patch+json", body } as const;
  await client.patch(ref, name, patch, { namespace, subresource: "status" });
  throw new Error(`revision name ${update.metadata.name} is taken: trying another hash`);
}

export async function deleteRevision({ metadata }: ControllerRevision, { client }: ControllerContext): Promise<void> {
  const { name, namespace, uid } = metadata;
  await client.delete(controllerRevisions, name, namespace, { preconditions: { uid } }).catch((error) => {
    if (!isNotFound(error)) throw error;
  });
}
