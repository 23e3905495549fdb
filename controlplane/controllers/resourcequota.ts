/** Tells what a ResourceQuota's namespace uses: https://kubernetes.io/docs/concepts/policy/resource-quotas/ */
import type { Pod, ResourceQuota, Service } from "#api/generated/types.js";
import { type KubeObject, keyOf } from "#api/object.js";
import { isPodTerminal } from "#api/pod-state.js";
import { formatQuantity } from "#api/quantity.js";
import { concerns, endOfCount, isKind, isLive, selects, sum, usageOf } from "#api/quota.js";
import { pods, resourceQuotas, services } from "#api/refs.js";
import type { ResourceRef } from "#api/resource.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";

/** @param counted every kind that lives in namespaces */
export function resourceQuotaController(counted: readonly ResourceRef[]): Controller {
  const others = counted.filter((ref) => !isKind(ref, resourceQuotas));
  return {
    name: "resourcequota",
    watches: [
      watch({ ref: resourceQuotas, keys: (quota, context) => [keyOf(quota), ...quotaKeys(quota, context)] }),
      ...others.map((ref) => watch({ ref, keys: keysOn(ref) })),
    ],
    async reconcile(key, context) {
      const quota = context.informer(resourceQuotas).get(key);
      if (!quota || quota.metadata.deletionTimestamp) return undefined;
      const { hard = {} } = quota.spec ?? {};
      const names = Object.keys(hard);
      const kinds = counted.filter((ref) => names.some((name) => concerns(ref, name)));
      const now = context.now();
      const objects = kinds.flatMap((ref) => objectsOf(quota, ref, context).map((object) => ({ ref, object })));
      const live = objects.filter(({ ref, object }) => isLive(ref, object, now));
      const total = sum(
        names,
        live.map(({ ref, object }) => usageOf(ref, object)),
      );
      const used = Object.fromEntries([...total].map(([name, amount]) => [name, formatQuantity(amount)]));
      const status = { hard, used };
      if (!semanticEqual(status, quota.status))
        await context.client.update(resourceQuotas, { ...quota, status }, { subresource: "status" });
      const ends = live.flatMap(({ object }) => endOfCount(object) ?? []);
      return ends.length > 0 ? Math.max(1000, Math.min(...ends) - now) : undefined;
    },
  };
}

function objectsOf(quota: ResourceQuota, ref: ResourceRef, context: ControllerContext): KubeObject[] {
  const { namespace } = quota.metadata;
  const all = context.informer(ref).list();
  return all.filter((object) => object.metadata.namespace === namespace && selects(quota, ref, object));
}

function quotaKeys({ metadata }: KubeObject, context: ControllerContext): string[] {
  const quotas = context.informer(resourceQuotas).list();
  return quotas.filter((quota) => quota.metadata.namespace === metadata.namespace).map(keyOf);
}

/** Most objects count once, whatever becomes of them. */
function keysOn(ref: ResourceRef) {
  return (object: KubeObject, context: ControllerContext, old?: KubeObject): string[] =>
    old && !mayCountAnew(ref, object, old) ? [] : quotaKeys(object, context);
}

function mayCountAnew(ref: ResourceRef, object: KubeObject, old: KubeObject): boolean {
  if (isKind(ref, services)) return !semanticEqual((object as Service).spec, (old as Service).spec);
  if (!isKind(ref, pods)) return false;
  const isChanged = object.metadata.generation !== old.metadata.generation;
  return isChanged || isPodTerminal(object as Pod) !== isPodTerminal(old as Pod);
}
