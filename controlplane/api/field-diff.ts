/** Which fields a change of an object sets, changes and removes, by the schema's notion of one field. */
import { isLeaf, isOpaque, partsOf } from "./field-parts.js";
import { type FieldSet, LEAF, type MutableFieldSet } from "./field-set.js";
import { equalJson } from "./json-value.js";
import type { FieldSchema, TypeSchema } from "./schema.js";

type Json = Record<string, unknown>;

/** The set of an object's fields. `self`: its own path is in the set too. */
function setOfObject(type: TypeSchema, value: Json, self: boolean): FieldSet {
  const set: MutableFieldSet = {};
  let empty = true;
  for (const key in value) {
    const field = type.fields.get(key);
    const inner = value[key];
    if (field === undefined || inner === undefined) continue;
    if (empty && self) set["."] = LEAF;
    empty = false;
    set[field.fieldKey] = setOfField(field, inner);
  }
  return empty ? LEAF : set;
}

/** The set of everything in a field's value, as its owner comes to own it. */
export function setOfField(field: FieldSchema, value: unknown): FieldSet {
  if (isLeaf(field)) return LEAF;
  if (field.shape === "one") return setOfObject(field.struct as TypeSchema, value as Json, !field.present);
  const set: MutableFieldSet = {};
  let empty = true;
  for (const [step, part] of partsOf(field, value)) {
    if (empty && !field.present) set["."] = LEAF;
    empty = false;
    set[step] = isOpaque(field) ? LEAF : setOfObject(field.struct as TypeSchema, part as Json, true);
  }
  return empty ? LEAF : set;
}

export interface FieldDiff {
  /** Fields that are new or have another value. */
  changed?: FieldSet;
  /** Fields that are gone, with everything that was in them. */
  removed?: FieldSet;
}

class Collector {
  changed: MutableFieldSet | undefined;
  removed: MutableFieldSet | undefined;

  change(step: string, set: FieldSet): void {
    this.changed ??= {};
    this.changed[step] = set;
  }

  remove(step: string, set: FieldSet): void {
    this.removed ??= {};
    this.removed[step] = set;
  }

  take(step: string, diff: FieldDiff): void {
    if (diff.changed) this.change(step, diff.changed);
    if (diff.removed) this.remove(step, diff.removed);
  }
}

const NOTHING: FieldDiff = {};

/** The change of one field that is present before and after. */
export function diffField(field: FieldSchema, old: unknown, next: unknown): FieldDiff {
  if (old === next) return NOTHING;
  if (isLeaf(field)) return equalJson(old, next) ? NOTHING : { changed: LEAF };
  if (field.shape === "one") return diffObject(field.struct as TypeSchema, old as Json, next as Json);
  if (equalJson(old, next)) return NOTHING;
  const collector = new Collector();
  const before = partsOf(field, old);
  const granular = !isOpaque(field);
  for (const [step, part] of partsOf(field, next)) {
    const was = before.get(step);
    if (was === undefined) {
      collector.change(step, granular ? setOfObject(field.struct as TypeSchema, part as Json, true) : LEAF);
    } else {
      before.delete(step);
      if (granular) collector.take(step, diffObject(field.struct as TypeSchema, was as Json, part as Json));
      else if (!equalJson(was, part)) collector.change(step, LEAF);
    }
  }
  for (const step of before.keys()) collector.remove(step, LEAF);
  return collector;
}

/** The change of an object, but for the fields named in `ignored`. */
export function diffObject(type: TypeSchema, old: Json, next: Json, ignored?: ReadonlySet<string>): FieldDiff {
  if (old === next) return NOTHING;
  const collector = new Collector();
  for (const key in next) {
    const field = type.fields.get(key);
    const value = next[key];
    if (field === undefined || value === undefined || ignored?.has(key)) continue;
    const before = old[key];
    if (before === undefined) collector.change(field.fieldKey, setOfField(field, value));
    else collector.take(field.fieldKey, diffField(field, before, value));
  }
  for (const key in old) {
    if (old[key] === undefined || next[key] !== undefined || ignored?.has(key)) continue;
    const field = type.fields.get(key);
    if (field) collector.remove(field.fieldKey, LEAF);
  }
  return collector;
}
