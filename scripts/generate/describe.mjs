/** Joins the models with our tables: one description of every type, from which schema and OpenAPI are written. */

import { atomicLists, mapLists, setLists } from "./lists.mjs";
import { existingModels, referencedModel } from "./models.mjs";
import {
  alwaysPresent,
  atomicMaps,
  atomicTypes,
  enums,
  keyDefaults,
  quantities,
  requiredPointers,
  retainKeys,
  stringTypes,
} from "./overlay.mjs";
import { packageNames } from "./packages.mjs";
import { typeName } from "./types.mjs";

const scalars = { boolean: "boolean", any: "any", IntOrString: "intOrString", Date: "time", V1MicroTime: "microTime" };

/** "Array<V1Pod>" → { shape: "list", element: "V1Pod" }. */
function parseType(type) {
  const list = type.match(/^Array<(.*)>$/);
  if (list) return { shape: "list", element: list[1] };
  const map = type.match(/^\{ \[key: string\]: (.*); \}$/);
  if (!map) return { shape: "one", element: type };
  const inner = parseType(map[1]);
  return inner.shape === "list" ? { shape: "mapOfLists", element: inner.element } : { shape: "map", element: map[1] };
}

function elementType(path, element, format) {
  if (quantities.includes(path)) return "quantity";
  if (scalars[element]) return scalars[element];
  if (element === "number") return format || "int64";
  if (element === "string") return format === "byte" ? "bytes" : format === "int-or-string" ? "intOrString" : "string";
  const model = referencedModel(element);
  if (!model) throw new Error(`${path}: unknown type ${element}`);
  return typeName(model);
}

function listBehaviour(path) {
  if (mapLists[path]) {
    const { keys, merge, atomic, retainKeys: retain } = mapLists[path];
    return {
      listType: atomic ? "atomic" : "map",
      keys,
      mergeKey: merge,
      strategy: merge && (retain ? ["merge", "retainKeys"] : ["merge"]),
    };
  }
  if (setLists[path]) return { listType: "set", strategy: setLists[path].merge ? ["merge"] : undefined };
  if (atomicLists.includes(path)) return { listType: "atomic" };
  throw new Error(`${path}: scripts/generate/lists.mjs does not say how this list behaves`);
}

function describeField(owner, field, isKind) {
  const path = `${owner}.${field.name}`;
  const { shape, element } = parseType(field.type);
  const type = elementType(path, element, field.format);
  const isStruct = shape === "one" && /^[A-Z]/.test(type);
  const kindPart = isKind && (field.name === "spec" || field.name === "metadata" || field.name === "status");
  return {
    name: field.name,
    description: field.description,
    type,
    shape,
    required: field.required,
    /** Filled with its zero value when a client leaves it out. */
    filled: (field.required && !requiredPointers.includes(path)) || (isKind && field.name !== "status" && kindPart),
    present: field.required || kindPart || (isStruct && alwaysPresent.includes(path)),
    ...(shape === "list" ? listBehaviour(path) : {}),
    ...(retainKeys.includes(path) ? { strategy: ["retainKeys"] } : {}),
    atomicMap: atomicMaps.includes(path),
    stringType: stringTypes[path],
    enum: enums[stringTypes[path]],
    default: keyDefaults[path],
  };
}

/** Entries of our tables that name no type or field of any model are mistakes. */
function checkTables(models) {
  const fields = new Map(models.map((model) => [typeName(model.name), new Set(model.fields.map((f) => f.name))]));
  const paths = [mapLists, setLists, stringTypes, keyDefaults].flatMap(Object.keys);
  for (const path of [
    ...paths,
    ...atomicLists,
    ...quantities,
    ...atomicMaps,
    ...retainKeys,
    ...alwaysPresent,
    ...requiredPointers,
  ]) {
    const dot = path.indexOf(".");
    if (!fields.get(path.slice(0, dot))?.has(path.slice(dot + 1))) throw new Error(`${path}: no such field`);
  }
  for (const name of atomicTypes) if (!fields.has(name)) throw new Error(`${name}: no such type`);
}

/** @returns {Map<string, object>} type name → { model, fullName, goName, description, isKind, atomic, fields } */
export function describe(models, roots) {
  checkTables(existingModels());
  const names = packageNames(models, roots);
  const types = new Map();
  for (const model of [...models.values()].sort((a, b) => a.name.localeCompare(b.name))) {
    const name = typeName(model.name);
    const isKind = roots[model.name] !== undefined;
    const fullName = names.get(model.name);
    types.set(name, {
      model: model.name,
      fullName,
      goName: fullName.slice(fullName.lastIndexOf(".") + 1),
      description: model.description,
      isKind,
      atomic: atomicTypes.includes(name),
      fields: model.fields.map((field) => describeField(name, field, isKind)),
    });
  }
  return types;
}
