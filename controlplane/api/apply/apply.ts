/**
 * Server-side apply: what becomes of an object, and of who owns which of its fields, when a manager applies all it wants of it.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
import { difference, type FieldSet, intersection, pathsOf, sameFields, union } from "../field-set.js";
import type { ManagedFieldsEntry } from "../generated/types.js";
import { changesOf, compareEntries, type FieldsWrite, fieldsOf, unownedFields } from "../managed-fields.js";
import type { KubeObject } from "../object.js";
import { typeSchema } from "../schema.js";
import { StatusError } from "../status-error.js";
import { AmbiguousError, appliedSet } from "./applied-set.js";
import { mergeApplied } from "./merge-applied.js";
import { pruneAbandoned } from "./prune-abandoned.js";

type Json = Record<string, unknown>;

export interface Application extends Omit<FieldsWrite, "next"> {
  /** As the client sent it, without the parts that this kind of write does not set. */
  readonly config: Json;
  /** Takes fields from their owners instead of failing. */
  readonly force: boolean;
  /** Fields that are taken from their owners in any case. */
  readonly yielded?: FieldSet;
  /** Makes an object of what came out, in canonical form. @throws StatusError when it cannot be one */
  readonly decode: (object: Json) => KubeObject;
  /** The error for a configuration that is no object of its kind. */
  readonly misfit: (why: string) => StatusError;
}

export interface Applied {
  readonly object: KubeObject;
  readonly managedFields: ManagedFieldsEntry[];
}

/** Whoever set the fields of an object without managedFields. */
const BEFORE_FIRST_APPLY = "before-first-apply";

/** An object always has metadata. */
const ALWAYS: FieldSet = { "f:metadata": { "f:name": {} } };

/** @throws StatusError 409 when others own what would change, and what `decode` throws */
export function applyConfiguration(application: Application): Applied {
  const { old, config, decode, apiVersion, manager, subresource } = application;
  const type = typeSchema(application.schema);
  const named = appliedFields(application);
  const set = named && difference(named, unownedFields, true);
  const entries = liveEntries(application);
  const own = entries.find(
    (entry) =>
      entry.operation === "Apply" && entry.manager === manager && (entry.subresource ?? "") === (subresource ?? ""),
  );
  const others = entries.filter((entry) => entry !== own);
  const merged = mergeApplied(type, (old ?? {}) as Json, config);
  const owned = others.map(fieldsOf).reduce(union, set ? union(ALWAYS, set) : ALWAYS);
  const object = decode(structuredClone(own ? pruneAbandoned(type, merged, fieldsOf(own), owned) : merged));
  delete object.metadata.managedFields;

  const { changed, removed } = changesOf({ ...application, next: object });
  const { force, yielded } = application;
  const disputed = changed && yielded ? difference(changed, yielded, false) : changed;
  if (disputed && !force) refuseConflicts(others, disputed);
  const managedFields: ManagedFieldsEntry[] = [];
  for (const entry of others) {
    const before = fieldsOf(entry);
    const kept = changed ? difference(before, changed, false) : before;
    const left = kept && removed ? difference(kept, removed, true) : kept;
    if (left) managedFields.push(left === before ? entry : { ...entry, fieldsV1: left });
  }
  if (own && set && !changed && !removed && sameFields(fieldsOf(own), set)) managedFields.push(own);
  else if (set) {
    const entry: ManagedFieldsEntry = { manager, operation: "Apply", apiVersion, time: application.time };
    Object.assign(entry, { fieldsType: "FieldsV1", fieldsV1: set }, subresource && { subresource });
    managedFields.push(entry);
  }
  return { object, managedFields: managedFields.sort(compareEntries) };
}

function appliedFields({ schema, config, misfit }: Application): FieldSet | undefined {
  try {
    return appliedSet(typeSchema(schema), config);
  } catch (error) {
    throw error instanceof AmbiguousError ? misfit(error.message) : error;
  }
}

function liveEntries(application: Application): readonly ManagedFieldsEntry[] {
  const { old, schema, apiVersion } = application;
  if (!old) return [];
  const entries = old.metadata.managedFields ?? [];
  if (entries.length > 0) return entries;
  const { changed } = changesOf({ schema, old: undefined, next: old });
  const entry = { manager: BEFORE_FIRST_APPLY, operation: "Update", apiVersion, fieldsType: "FieldsV1" };
  return changed ? [{ ...entry, fieldsV1: changed }] : [];
}

function refuseConflicts(others: readonly ManagedFieldsEntry[], changed: FieldSet): void {
  const conflicts = others.flatMap((entry) => {
    const both = intersection(fieldsOf(entry), changed);
    return both ? pathsOf(both).map((field) => ({ field, who: managerText(entry) })) : [];
  });
  const [first] = conflicts;
  if (!first) return;
  const byManager = new Map<string, string[]>();
  for (const { who, field } of conflicts) byManager.set(who, [...(byManager.get(who) ?? []), `- ${field}`]);
  const all = [...byManager].sort(([a], [b]) => (a < b ? -1 : 1));
  const message =
    conflicts.length === 1
      ? `Apply failed with 1 conflict: conflict with ${first.who}: ${first.field}`
      : `Apply failed with ${conflicts.length} conflicts: ${all.map(([who, fields]) => `conflicts with ${who}:\n${fields.join("\n")}`).join("\n")}`;
  const causes = conflicts.map(({ who, field }) => ({
    ...{ reason: "FieldManagerConflict", message: `conflict with ${who}`, field },
  }));
  throw new StatusError(409, "Conflict", message, { causes });
}

function managerText({ manager, operation, subresource, apiVersion }: ManagedFieldsEntry): string {
  const part = subresource ? ` with subresource ${JSON.stringify(subresource)}` : "";
  return `${JSON.stringify(manager)}${part}${operation === "Update" ? ` using ${apiVersion}` : ""}`;
}
