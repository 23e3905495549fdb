import { isDeepStrictEqual } from "node:util";
import type { PodCondition, PodStatus } from "#api/generated/types.js";
import { PASSING_CONDITIONS } from "./conditions.js";

type StatusField = keyof PodStatus;

/** Lists that a strategic merge would merge by key: they are replaced when an element has to go. */
const MERGED_LISTS: readonly StatusField[] = ["podIPs", "hostIPs"];

/**
 * The strategic merge patch that turns one status into the other: only fields that differ, only conditions that differ
 * (so that those of other writers stay). Undefined when nothing differs.
 */
export function statusPatch(before: PodStatus, wanted: PodStatus): object | undefined {
  const patch: Record<string, unknown> = {};
  for (const field of new Set([...Object.keys(before), ...Object.keys(wanted)]) as Set<StatusField>) {
    if (field === "conditions" || isDeepStrictEqual(before[field], wanted[field])) continue;
    if (wanted[field] === undefined && !OWNED.has(field)) continue;
    patch[field] = MERGED_LISTS.includes(field) ? replacedList(before, wanted, field) : (wanted[field] ?? null);
  }
  const conditions = changedConditions(before.conditions ?? [], wanted.conditions ?? []);
  if (conditions.length > 0) patch["conditions"] = conditions;
  return Object.keys(patch).length > 0 ? patch : undefined;
}

/** Fields only this node writes: absent means gone. The rest belongs to others (nominatedNodeName, resize, ...). */
const OWNED: ReadonlySet<string> = new Set<StatusField>([
  "podIP",
  "podIPs",
  "reason",
  "message",
  "containerStatuses",
  "initContainerStatuses",
  "ephemeralContainerStatuses",
]);

function replacedList(before: PodStatus, wanted: PodStatus, field: StatusField): unknown {
  const list = (wanted[field] ?? []) as object[];
  const had = (before[field] ?? []) as object[];
  return had.length > 0 ? [{ $patch: "replace" }, ...list] : list;
}

/** A merge keeps what it is not told of: a reason or message that no longer holds is taken away by name. */
function changedConditions(before: readonly PodCondition[], wanted: readonly PodCondition[]): object[] {
  const past = before.filter(({ type }) => PASSING_CONDITIONS.has(type) && !wanted.some((c) => c.type === type));
  return [...past.map(({ type }) => ({ type, $patch: "delete" })), ...changed(before, wanted)];
}

function changed(before: readonly PodCondition[], wanted: readonly PodCondition[]): object[] {
  return wanted.flatMap((condition) => {
    const old = before.find(({ type }) => type === condition.type);
    if (old && isDeepStrictEqual(old, condition)) return [];
    const gone = Object.keys(old ?? {}).filter((field) => condition[field as keyof PodCondition] === undefined);
    return [{ ...condition, ...Object.fromEntries(gone.map((field) => [field, null])) }];
  });
}
