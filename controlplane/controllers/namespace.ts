/** Empties a namespace that is being deleted, then lets it go. */
import type { Namespace } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { namespaces, pods } from "#api/refs.js";
import { groupResource, type ResourceRef } from "#api/resource.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { isNotFound } from "#api/status-error.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { deletionConditions, type Remaining } from "./namespace/conditions.js";
import { namespaceOf } from "./service-endpoints/service-pods.js";

const FINALIZER = "kubernetes";
/** Content that ends slowly is looked at again after this time (ms), should an event have been missed. */
const RECHECK = 15_000;

/**
 * Pods go first and alone: what they rely on (policies, configuration, accounts) stays until the last of them is gone.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/
 * @param refs every namespaced collection
 */
export function namespaceController(refs: readonly ResourceRef[]): Controller {
  const stages = [refs.filter((ref) => groupResource(ref) === groupResource(pods)), refs];
  /** Uids of namespaces for each stage whose content was told to go; what is left ends by itself and is watched. */
  const swept = stages.map(() => new Set<string>());
  return {
    name: "namespace",
    workers: 4,
    watches: [
      watch({ ref: namespaces }),
      ...refs.map((ref) => watch({ ref, indexes: { namespace: namespaceOf }, keys: terminatingNamespace })),
    ],
    async reconcile(name, context) {
      const namespace = context.informer(namespaces).get(name);
      if (!namespace?.metadata.deletionTimestamp || !namespace.spec?.finalizers?.includes(FINALIZER)) return undefined;
      for (const [index, stage] of stages.entries()) {
        if (!(await empty(namespace, stage, swept[index]!, context))) return RECHECK;
      }
      await finalize(namespace, context);
      for (const uids of swept) uids.delete(namespace.metadata.uid);
      return undefined;
    },
  };
}

/**
 * @param swept uids of namespaces whose content of these collections was told to go
 * @returns whether nothing is left
 * @throws Error when something could not be deleted
 */
async function empty(
  namespace: Namespace,
  refs: readonly ResourceRef[],
  swept: Set<string>,
  context: ControllerContext,
): Promise<boolean> {
  const { name, uid } = namespace.metadata;
  const known = cachedContent(refs, name, context);
  const allEnding = known.every(({ objects }) => objects.every((object) => object.metadata.deletionTimestamp));
  if (swept.has(uid) && known.length > 0 && allEnding) {
    await writeConditions(namespace, known, [], context);
    return false;
  }
  const failures = await sweep(refs, name, context);
  swept.add(uid);
  const remaining = await liveContent(refs, name, context);
  if (remaining.length === 0 && failures.length === 0) return true;
  await writeConditions(namespace, remaining, failures, context);
  if (failures.length > 0) throw new Error(failures.join("; "));
  return false;
}

/** Something came or went in a namespace that is being deleted. */
function terminatingNamespace(object: KubeObject, context: ControllerContext): string[] {
  const name = object.metadata.namespace ?? "";
  return context.informer(namespaces).get(name)?.metadata.deletionTimestamp ? [name] : [];
}

function cachedContent(refs: readonly ResourceRef[], namespace: string, context: ControllerContext): Remaining[] {
  return refs
    .map((ref) => ({ ref, objects: context.informer(ref).byIndex("namespace", namespace) }))
    .filter(({ objects }) => objects.length > 0);
}

async function liveContent(
  refs: readonly ResourceRef[],
  namespace: string,
  { client }: ControllerContext,
): Promise<Remaining[]> {
  const lists = await Promise.all(
    refs.map(async (ref) => ({ ref, objects: (await client.list(ref, { namespace })).items })),
  );
  return lists.filter(({ objects }) => objects.length > 0);
}

/** Deletes all of these collections. @returns what could not be deleted, and why */
async function sweep(refs: readonly ResourceRef[], namespace: string, { client }: ControllerContext) {
  const failures: string[] = [];
  await Promise.all(
    refs.map(async (ref) => {
      try {
        await client.deleteCollection(ref, { namespace }, { propagationPolicy: "Background" });
      } catch (error) {
        failures.push(`${groupResource(ref)}: ${error instanceof Error ? error.message : error}`);
      }
    }),
  );
  return failures.sort();
}

async function writeConditions(
  namespace: Namespace,
  remaining: readonly Remaining[],
  failures: readonly string[],
  { client, now }: ControllerContext,
): Promise<void> {
  const old = namespace.status?.conditions ?? [];
  const conditions = deletionConditions(old, remaining, failures, now());
  if (semanticEqual(old, conditions)) return;
  const body = { ...namespace, status: { ...namespace.status, phase: "Terminating", conditions } };
  await client.update(namespaces, body, { subresource: "status" });
}

async function finalize(namespace: Namespace, { client }: ControllerContext): Promise<void> {
  const finalizers = (namespace.spec.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER);
  try {
    await client.update(namespaces, { ...namespace, spec: { finalizers } }, { subresource: "finalize" });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
