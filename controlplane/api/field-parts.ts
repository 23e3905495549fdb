/** How a value falls into the parts that have owners of their own, by its schema. */
import type { FieldSchema } from "./schema.js";

type Json = Record<string, unknown>;

/** A field whose value has no parts of its own. */
export function isLeaf(field: FieldSchema): boolean {
  if (field.atomic || field.scalar === "any") return true;
  if (field.shape === "one") return field.struct === undefined;
  return field.shape === "list" ? field.listType === "atomic" : false;
}

const keySteps = new WeakMap<FieldSchema, readonly string[]>();

/** `k:{"containerPort":80,"protocol":"TCP"}`: the keys in alphabetical order. */
export function elementKey(field: FieldSchema, element: Json): string {
  let names = keySteps.get(field);
  if (!names) {
    names = [...field.keys].sort();
    keySteps.set(field, names);
  }
  let text = "";
  for (const name of names) {
    const value = element[name] ?? field.struct?.fields.get(name)?.default;
    if (value !== undefined) text += `${text ? "," : ""}${JSON.stringify(name)}:${JSON.stringify(value)}`;
  }
  return `k:{${text}}`;
}

/** The elements of a list or map are values without parts of their own. */
export const isOpaque = (field: FieldSchema): boolean => field.struct === undefined || field.struct.atomic;

export type Parts = Map<string, unknown>;

/** Steps into a granular value, and what stands there. Elements of a set have no value of their own. */
export function partsOf(field: FieldSchema, value: unknown): Parts {
  const parts: Parts = new Map();
  if (field.shape !== "list") {
    for (const key in value as Json) parts.set(`f:${key}`, (value as Json)[key]);
  } else if (field.listType === "set") {
    for (const item of value as unknown[]) parts.set(`v:${JSON.stringify(item)}`, true);
  } else for (const item of value as Json[]) parts.set(elementKey(field, item), item);
  return parts;
}
