import { isLeaf, isOpaque, partsOf } from "../field-parts.js";
import { type FieldSet, holdsSelf, LEAF } from "../field-set.js";
import type { FieldSchema, TypeSchema } from "../schema.js";

type Json = Record<string, unknown>;

/**
 * The object without the fields that its manager named before, and now neither it nor anyone else does. A field of an object
 * belongs to whoever owns a part of it; an element of a list or map only to who owns the element as such. What goes takes
 * with it all that is in it: what nobody owns there was a default.
 * @param abandoned what the manager named before
 * @param owned what all managers name now
 */
export function pruneAbandoned(type: TypeSchema, object: Json, abandoned: FieldSet, owned: FieldSet): Json {
  const result = { ...object };
  for (const step in abandoned) {
    const field = type.fields.get(step.slice(2));
    const value = field && object[field.name];
    if (value === undefined) continue;
    const owners = owned[step];
    const rest = owners && pruneField(field as FieldSchema, value, abandoned[step] as FieldSet, owners);
    if (rest === undefined) delete result[(field as FieldSchema).name];
    else result[(field as FieldSchema).name] = rest;
  }
  return result;
}

/** Below it there are no fields. */
const NONE: FieldSet = LEAF;

/** Undefined: nothing is left. */
function pruneField(field: FieldSchema, value: unknown, abandoned: FieldSet, owned: FieldSet): unknown {
  if (isLeaf(field)) return value;
  if (field.shape === "one") {
    const rest = pruneAbandoned(field.struct as TypeSchema, value as Json, abandoned, owned);
    return Object.keys(rest).length > 0 || Object.keys(value as Json).length === 0 ? rest : undefined;
  }
  const parts = partsOf(field, value);
  const before = parts.size;
  for (const [step, part] of parts) {
    const left = abandoned[step];
    if (!left) continue;
    const owners = owned[step];
    if (holdsSelf(left) && !(owners && holdsSelf(owners))) parts.delete(step);
    else if (!isOpaque(field))
      parts.set(step, pruneAbandoned(field.struct as TypeSchema, part as Json, left, owners ?? NONE));
  }
  if (parts.size === 0 && before > 0) return undefined;
  if (field.shape !== "list") return Object.fromEntries([...parts].map(([step, part]) => [step.slice(2), part]));
  if (field.listType === "set") return (value as unknown[]).filter((item) => parts.has(`v:${JSON.stringify(item)}`));
  return [...parts.values()];
}
