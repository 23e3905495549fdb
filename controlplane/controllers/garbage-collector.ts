/** Deletes what is left over when its owners are gone, and lets owners go that wait for their dependents. */
import { withoutFinalizer } from "#api/finalizers.js";
import type { KubeObject } from "#api/object.js";
import type { ResourceRef } from "#api/resource.js";
import { isNotFound } from "#api/status-error.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { Collections, type Located, ownersText, ownerUids } from "./garbage-collector/collections.js";
import {
  FOREGROUND,
  type FoundOwner,
  ORPHAN,
  planDependent,
  withoutBlocking,
  withoutOwners,
} from "./garbage-collector/plan.js";

/** @param refs every collection whose objects own or are owned */
export function garbageCollector(refs: readonly ResourceRef[]): Controller {
  const collections = new Collections(refs);
  return {
    name: "garbage-collector",
    component: "garbage-collector-controller",
    workers: 8,
    watches: refs.map((ref) =>
      watch({
        ref,
        indexes: { ownerUids },
        keys: (object, context, old, deleted) => keysOf(collections, { ref, object }, context, { old, deleted }),
      }),
    ),
    async reconcile(key, context) {
      const located = collections.find(key, context);
      if (!located) return undefined;
      const { deletionTimestamp, finalizers = [] } = located.object.metadata;
      if (deletionTimestamp && finalizers.includes(ORPHAN)) await orphanDependents(collections, located, context);
      else if (deletionTimestamp && finalizers.includes(FOREGROUND)) await releaseOwner(collections, located, context);
      else if (ownerUids(located.object).length > 0) await collectDependent(collections, located, context);
      return undefined;
    },
  };
}

/** The object itself when it has owners or waits for dependents; its dependents when it dies; its owners when it is gone. */
function keysOf(
  collections: Collections,
  { ref, object }: Located,
  context: ControllerContext,
  change: { old?: KubeObject; deleted?: boolean },
): string[] {
  const { uid, deletionTimestamp, finalizers, ownerReferences } = object.metadata;
  const keys: string[] = [];
  const dependents = () =>
    collections.dependents(uid, context).map((dependent) => collections.key(dependent.ref, dependent.object));
  if (change.deleted) {
    collections.markGone(uid);
    keys.push(...dependents(), ...waitingOwners(collections, object, context));
  } else {
    const waits = deletionTimestamp && finalizers?.some((name) => name === FOREGROUND || name === ORPHAN);
    const newOwners = !change.old || ownersText(change.old) !== ownersText(object);
    if (waits || (ownerReferences?.length && newOwners)) keys.push(collections.key(ref, object));
    if (waits && finalizers?.includes(FOREGROUND)) keys.push(...dependents());
    if (change.old && newOwners) keys.push(...waitingOwners(collections, change.old, context));
  }
  return keys;
}

function waitingOwners(collections: Collections, object: KubeObject, context: ControllerContext): string[] {
  const keys: string[] = [];
  for (const reference of object.metadata.ownerReferences ?? []) {
    const located = collections.lookUp(reference, object.metadata.namespace, context);
    if (located?.object.metadata.deletionTimestamp) keys.push(collections.key(located.ref, located.object));
  }
  return keys;
}

async function collectDependent(collections: Collections, located: Located, context: ControllerContext): Promise<void> {
  const { ref, object } = located;
  const { name, namespace, uid, resourceVersion } = object.metadata;
  const owners: FoundOwner[] = [];
  for (const reference of object.metadata.ownerReferences ?? []) {
    const owner = await collections.owner(reference, namespace, context);
    owners.push({ reference, state: stateOf(owner) });
  }
  const dependents = blockingDependents(collections, uid, context);
  const waiting = dependents.some(({ object }) => stateOf(object) === "waiting");
  const action = planDependent(object, owners, { any: dependents.length > 0, waiting });
  if (!action) return;
  await ignoringGone(async () => {
    if (action.type === "unlink") await mergePatch(located, withoutOwners(object, action.uids), context);
    else if (action.type === "unblock") await mergePatch(located, withoutBlocking(object), context);
    else {
      const preconditions = { uid, resourceVersion };
      await context.client.delete(ref, name, namespace, { preconditions, propagationPolicy: action.propagation });
    }
  });
}

function stateOf(owner: KubeObject | "unknown" | undefined): FoundOwner["state"] {
  if (owner === undefined) return "absent";
  if (owner === "unknown") return "present";
  const { deletionTimestamp, finalizers } = owner.metadata;
  return deletionTimestamp && finalizers?.includes(FOREGROUND) ? "waiting" : "present";
}

function blockingDependents(collections: Collections, uid: string, context: ControllerContext): Located[] {
  return collections
    .dependents(uid, context)
    .filter(({ object }) =>
      object.metadata.ownerReferences?.some((reference) => reference.uid === uid && reference.blockOwnerDeletion),
    );
}

/** Foreground deletion: the owner goes when no dependent blocks it any more. The dependents are collected under their own keys. */
async function releaseOwner(collections: Collections, located: Located, context: ControllerContext): Promise<void> {
  const { uid } = located.object.metadata;
  if (blockingDependents(collections, uid, context).length > 0) return;
  await ignoringGone(() => mergePatch(located, withoutFinalizer(located.object, FOREGROUND), context));
}

async function orphanDependents(collections: Collections, located: Located, context: ControllerContext): Promise<void> {
  const { uid } = located.object.metadata;
  for (const dependent of collections.dependents(uid, context)) {
    await ignoringGone(() => mergePatch(dependent, withoutOwners(dependent.object, [uid]), context));
  }
  await ignoringGone(() => mergePatch(located, withoutFinalizer(located.object, ORPHAN), context));
}

function mergePatch({ ref, object }: Located, body: object, { client }: ControllerContext): Promise<KubeObject> {
  const { name, namespace } = object.metadata;
  return client.patch(ref, name, { type: "application/merge-patch+json", body }, { namespace });
}

async function ignoringGone(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
