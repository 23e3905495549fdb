/**
 * Strategic merge patch: a merge patch that knows the schema, so that lists of objects are merged by key.
 * https://github.com/kubernetes/community/blob/main/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */
import { cloneJson, setProperty } from "./json-value.js";
import { mergeObjectList } from "./patch-strategic-list.js";
import { mergeScalarList } from "./patch-strategic-scalars.js";
import { type FieldSchema, type TypeSchema, typeSchema } from "./schema.js";
import { badRequest } from "./status-error.js";

export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const ORDER = "$setElementOrder/";
const DELETE_SCALARS = "$deleteFromPrimitiveList/";

/** What a patch says about one field: the value, and the directives that stand beside it. */
export interface FieldPatch {
  value?: unknown;
  order?: readonly unknown[];
  deletions?: readonly unknown[];
}

function listDirective(value: unknown, message: string): readonly unknown[] {
  if (!Array.isArray(value)) throw badRequest(message);
  return value;
}

/** Gathers a patch object by field; `$patch` and `$retainKeys` are about the object itself and not among them. */
function byField(patch: Json): Map<string, FieldPatch> {
  const fields = new Map<string, FieldPatch>();
  const of = (name: string) => {
    const known = fields.get(name) ?? {};
    fields.set(name, known);
    return known;
  };
  for (const key in patch) {
    if (key === "$patch" || key === "$retainKeys") continue;
    if (key.startsWith(ORDER)) {
      of(key.slice(ORDER.length)).order = listDirective(patch[key], "invalid patch format of setElementOrder list");
    } else if (key.startsWith(DELETE_SCALARS)) {
      of(key.slice(DELETE_SCALARS.length)).deletions = listDirective(
        patch[key],
        "invalid patch format of primitive list",
      );
    } else of(key).value = patch[key];
  }
  return fields;
}

/** What of the original stays under `$retainKeys`: nothing that the list does not name. */
function retained(original: Json, patch: Json, fields: ReadonlyMap<string, FieldPatch>): Json {
  if (!Object.hasOwn(patch, "$retainKeys")) return original;
  const keys = patch["$retainKeys"];
  if (!Array.isArray(keys)) throw badRequest("invalid patch format of retainKeys");
  for (const [name, field] of fields) {
    if (field.value !== undefined && field.value !== null && !keys.includes(name)) {
      throw badRequest("invalid patch format of retainKeys");
    }
  }
  return Object.fromEntries(Object.entries(original).filter(([key]) => keys.includes(key)));
}

/** The outcome of merging `patch` into `original`: new all the way down. `type` is unknown inside maps. */
export function mergeObject(type: TypeSchema | undefined, original: Json, patch: Json): Json {
  const directive = patch["$patch"];
  if (directive === "delete") return {};
  if (directive === "replace") {
    const { $patch: _, ...rest } = patch;
    return mergeObject(type, {}, rest);
  }
  if (directive !== undefined && directive !== "merge") {
    throw badRequest(`unknown patch type found in map: ${JSON.stringify(directive)}`);
  }
  const fields = byField(patch);
  const base = retained(original, patch, fields);
  const result: Json = {};
  for (const key in base) if (!fields.has(key)) setProperty(result, key, cloneJson(base[key]));
  for (const [key, fieldPatch] of fields) {
    const before = Object.hasOwn(base, key) ? base[key] : undefined;
    const after = mergeField(type?.fields.get(key), before, fieldPatch);
    if (after !== undefined) setProperty(result, key, after);
  }
  return result;
}

function mergeField(field: FieldSchema | undefined, before: unknown, patch: FieldPatch): unknown {
  if (patch.value === null) return undefined;
  const mergesList = field?.shape === "list" && field.strategy.includes("merge");
  if (mergesList && (patch.value === undefined || Array.isArray(patch.value))) {
    const list = Array.isArray(before) ? before : [];
    if (patch.value === undefined && before === undefined) return undefined;
    return field.struct
      ? mergeObjectList(field, list, (patch.value ?? []) as unknown[], patch.order)
      : mergeScalarList(list, (patch.value ?? []) as unknown[], patch);
  }
  if (patch.value === undefined) return cloneJson(before);
  if (!isObject(patch.value) || field?.scalar === "any") return cloneJson(patch.value);
  const inner = field?.shape === "map" ? undefined : field?.struct;
  const base = isObject(before) && !field?.strategy.includes("replace") ? before : {};
  if (field?.shape === "map" && field.struct) return mergeMap(field.struct, base, patch.value);
  return mergeObject(inner, base, patch.value);
}

/** A map whose values are objects: each value merges by its own type. */
function mergeMap(type: TypeSchema, original: Json, patch: Json): Json {
  const result = cloneJson(original);
  for (const key in patch) {
    const value = patch[key];
    const before = Object.hasOwn(original, key) ? original[key] : undefined;
    if (value === null) delete result[key];
    else setProperty(result, key, isObject(value) ? mergeObject(type, isObject(before) ? before : {}, value) : value);
  }
  return result;
}

/**
 * A changed copy of `original` (an object of the type `schemaName`), sharing nothing with it.
 * @throws StatusError 400 when the patch is malformed
 */
export function applyStrategicMergePatch(schemaName: string, original: unknown, patch: unknown): unknown {
  if (!isObject(patch)) {
    const what = Array.isArray(patch) ? "array" : typeof patch;
    throw badRequest(`json: cannot unmarshal ${what} into Go value of type map[string]interface {}`);
  }
  return mergeObject(typeSchema(schemaName), original as Json, patch);
}
