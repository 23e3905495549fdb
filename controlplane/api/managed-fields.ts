/**
 * Who set which field (metadata.managedFields), for writes by update and patch; for those by apply see apply/apply.ts.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers
 * A manager comes to own what its write sets or changes; others lose that, and everyone loses what is removed.
 */
import { diffObject, type FieldDiff } from "./field-diff.js";
import { difference, type FieldSet, LEAF, type MutableFieldSet, union } from "./field-set.js";
import type { ManagedFieldsEntry } from "./generated/types.js";
import { equalJson } from "./json-value.js";
import type { KubeObject } from "./object.js";
import { typeSchema } from "./schema.js";

export interface FieldsWrite {
  /** Name of the object's type in generated/types.ts. */
  readonly schema: string;
  /** Undefined on creation. */
  readonly old: KubeObject | undefined;
  /** The object as it will be stored, except managedFields. */
  readonly next: KubeObject;
  readonly manager: string;
  /** Of the request: "apps/v1". */
  readonly apiVersion: string;
  /** "status", "scale": ownership is kept apart by subresource. */
  readonly subresource?: string;
  /** RFC 3339. */
  readonly time: string;
  /** Parts of the object this kind of write does not set: "status" for a write of the main resource that has one. */
  readonly ignored?: readonly string[];
}

const MAX_UPDATE_MANAGERS = 10;
const ANCIENT = "ancient-changes";

const UNOWNED_METADATA = [
  "name",
  "namespace",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "selfLink",
  "managedFields",
];
const unownedMetadata = new Set(UNOWNED_METADATA);

/** What the server sets or the request says: nobody owns it. */
export const unownedFields: FieldSet = {
  "f:apiVersion": LEAF,
  "f:kind": LEAF,
  "f:metadata": Object.fromEntries(UNOWNED_METADATA.map((name) => [`f:${name}`, LEAF])),
};

export const fieldsOf = (entry: ManagedFieldsEntry): FieldSet => (entry.fieldsV1 ?? {}) as FieldSet;

type Json = Record<string, unknown>;

const EMPTY: Json = {};

/** Which fields a write sets, changes and removes. */
export function changesOf({
  schema,
  old,
  next,
  ignored,
}: Pick<FieldsWrite, "schema" | "old" | "next" | "ignored">): FieldDiff {
  const type = typeSchema(schema);
  const skipped = new Set(["apiVersion", "kind", "metadata", ...(ignored ?? [])]);
  const rest = diffObject(type, (old ?? EMPTY) as Json, next as unknown as Json, skipped);
  const metadata = diffObject(
    typeSchema("ObjectMeta"),
    (old?.metadata ?? EMPTY) as Json,
    next.metadata as unknown as Json,
    unownedMetadata,
  );
  const withMetadata = (set: FieldSet | undefined, inner: FieldSet | undefined): FieldSet | undefined => {
    if (!inner) return set;
    const result: MutableFieldSet = { "f:metadata": inner };
    return Object.assign(result, set);
  };
  return {
    changed: withMetadata(rest.changed, metadata.changed),
    removed: withMetadata(rest.removed, metadata.removed),
  };
}

/** The entries to start from. A client may write them itself, and `[{}]` means: forget them all. */
function baseEntries({ old, next, subresource }: FieldsWrite): readonly ManagedFieldsEntry[] {
  const live = old?.metadata.managedFields ?? [];
  const given = next.metadata.managedFields;
  if (!given || given.length === 0 || subresource) return live;
  if (given.length === 1 && !given[0]?.manager && !given[0]?.operation) return [];
  return equalJson(given, live) ? live : given;
}

function isOwn(entry: ManagedFieldsEntry, write: FieldsWrite): boolean {
  return (
    entry.operation === "Update" &&
    entry.manager === write.manager &&
    entry.apiVersion === write.apiVersion &&
    (entry.subresource ?? "") === (write.subresource ?? "")
  );
}

function newEntry(write: FieldsWrite, fieldsV1: FieldSet): ManagedFieldsEntry {
  const entry: ManagedFieldsEntry = {
    manager: write.manager,
    operation: "Update",
    apiVersion: write.apiVersion,
    time: write.time,
    fieldsType: "FieldsV1",
    fieldsV1,
  };
  if (write.subresource) entry.subresource = write.subresource;
  return entry;
}

/** Applied before updated, then by time, manager, version and subresource. */
export function compareEntries(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  const order = (x = "", y = "") => (x < y ? -1 : x > y ? 1 : 0);
  return (
    order(a.operation, b.operation) ||
    order(a.time, b.time) ||
    order(a.manager, b.manager) ||
    order(a.apiVersion, b.apiVersion) ||
    order(a.subresource, b.subresource)
  );
}

/** Beyond ten managers that updated, the oldest are remembered as one. `entries` are in order. */
function capped(entries: readonly ManagedFieldsEntry[]): ManagedFieldsEntry[] {
  const updates = entries.filter((entry) => entry.operation === "Update");
  if (updates.length <= MAX_UPDATE_MANAGERS) return [...entries];
  const merged = new Map<string, ManagedFieldsEntry>();
  const old = new Set(updates.slice(0, updates.length - MAX_UPDATE_MANAGERS + 1));
  for (const entry of old) {
    const bucket = merged.get(entry.apiVersion ?? "");
    const fieldsV1 = bucket ? union(fieldsOf(bucket), fieldsOf(entry)) : fieldsOf(entry);
    const { subresource: _, ...rest } = entry;
    merged.set(entry.apiVersion ?? "", { ...rest, manager: ANCIENT, fieldsV1 });
  }
  return [...entries.filter((entry) => !old.has(entry)), ...merged.values()].sort(compareEntries);
}

/**
 * The managedFields to store with `next`. Returns the old list itself when the write neither sets, changes nor removes
 * a field, and the old entries themselves where they do not change.
 */
export function managedFieldsAfterUpdate(write: FieldsWrite): ManagedFieldsEntry[] | undefined {
  const base = baseEntries(write);
  const { changed, removed } = changesOf(write);
  if (!changed && !removed) return base.length > 0 ? (base as ManagedFieldsEntry[]) : undefined;
  const entries: ManagedFieldsEntry[] = [];
  let owned = changed === undefined;
  for (const entry of base) {
    const before = fieldsOf(entry);
    const own = isOwn(entry, write);
    let after: FieldSet | undefined = removed ? difference(before, removed, true) : before;
    if (changed && own) {
      after = after ? union(after, changed) : changed;
      owned = true;
    } else if (changed && after) after = difference(after, changed, false);
    if (!after) continue;
    if (own && changed) entries.push(newEntry(write, after));
    else entries.push(after === before ? entry : { ...entry, fieldsV1: after });
  }
  if (!owned) entries.push(newEntry(write, changed as FieldSet));
  return entries.length > 0 ? capped(entries.sort(compareEntries)) : undefined;
}
