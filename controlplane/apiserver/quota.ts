/**
 * Refuses what a ResourceQuota of its namespace has no room for. Counted from the objects themselves, under the lock of their
 * kind: what two clients want at the same time is never both granted, and no count can go astray.
 */
import type { Pod, ResourceQuota } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { addQuantities, compareQuantities, formatQuantity, type Quantity, subtractQuantities } from "#api/quantity.js";
import { concerns, isKind, isLive, measure, selects, sum, type Usage, unnamed, usageOf } from "#api/quota.js";
import { persistentVolumeClaims, pods, resourceQuotas, services } from "#api/refs.js";
import { forbiddenError } from "#api/status-error.js";
import type { AdmissionContext, Kind } from "#resources/kind.js";

/** @returns what is to be called under the kind's lock, right before the commit, if any quota has a say: throws 403 */
export function quotaCheck(
  kind: Kind,
  object: KubeObject,
  old: KubeObject | undefined,
  admission: AdmissionContext,
): (() => void) | undefined {
  const { namespace } = object.metadata;
  if (!kind.namespaced || (old && !mayGrow(kind, admission.subresource))) return undefined;
  const concerned = (quota: ResourceQuota) =>
    hardNames(quota).some((name) => concerns(kind, name)) && selects(quota, kind, object);
  const quotas = admission.list(resourceQuotas, namespace).filter(concerned);
  if (quotas.length === 0) return undefined;
  return () => {
    for (const quota of quotas) check(quota, { kind, object, old, admission });
  };
}

const hardNames = ({ spec }: ResourceQuota) => Object.keys(spec?.hard ?? {});

const mayGrow = (kind: Kind, subresource: string | undefined) =>
  isKind(kind, pods)
    ? subresource === "resize"
    : subresource === undefined && [services, persistentVolumeClaims].some((ref) => isKind(kind, ref));

interface Change {
  kind: Kind;
  object: KubeObject;
  old: KubeObject | undefined;
  admission: AdmissionContext;
}

function check(quota: ResourceQuota, { kind, object, old, admission }: Change): void {
  const { name, namespace, generateName = "" } = object.metadata;
  const refuse = (why: string) => forbiddenError(kind, name ?? generateName, why);
  const names = hardNames(quota).filter((each) => concerns(kind, each));
  const missing = isKind(kind, pods) ? unnamed(names, object as Pod) : undefined;
  if (missing) throw refuse(`failed quota: ${quota.metadata.name}: must specify ${missing}`);
  const asked = growth(names, measure(kind, object), old && measure(kind, old));
  if (asked.size === 0) return;
  const now = Date.now();
  const counted = admission
    .list<KubeObject>(kind, namespace)
    .filter((each) => isLive(kind, each, now) && selects(quota, kind, each));
  const used = sum(
    [...asked.keys()],
    counted.map((each) => usageOf(kind, each)),
  );
  const hard = quota.spec?.hard ?? {};
  const over = [...asked.keys()]
    .filter((each) => compareQuantities(addQuantities(used.get(each)!, asked.get(each)!), hard[each]!) > 0)
    .sort();
  if (over.length === 0) return;
  const list = (amount: (each: string) => string) => over.map((each) => `${each}=${amount(each)}`).join(",");
  const requested = list((each) => formatQuantity(asked.get(each)!));
  const inUse = list((each) => formatQuantity(used.get(each)!));
  const limited = list((each) => hard[each]!);
  throw refuse(`exceeded quota: ${quota.metadata.name}, requested: ${requested}, used: ${inUse}, limited: ${limited}`);
}

/** What is more than before, of these names. */
function growth(names: readonly string[], usage: Usage, before: Usage | undefined): Map<string, Quantity> {
  const more = new Map<string, Quantity>();
  for (const name of names) {
    const [now, then] = [usage.get(name), before?.get(name)];
    if (!now) continue;
    const delta = then ? subtractQuantities(now, then) : now;
    if (delta.nano > 0n) more.set(name, delta);
  }
  return more;
}
