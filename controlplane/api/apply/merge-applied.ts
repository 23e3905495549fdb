import { isLeaf, isOpaque, partsOf } from "../field-parts.js";
import type { FieldSchema, TypeSchema } from "../schema.js";

type Json = Record<string, unknown>;

/** The live value with all that the configuration says; nothing is taken away. Shares parts with both and changes neither. */
export function mergeApplied(type: TypeSchema, live: Json, config: Json): Json {
  const result = { ...live };
  for (const key in config) {
    const field = type.fields.get(key);
    if (field && config[key] !== null && config[key] !== undefined)
      result[key] = mergeField(field, live[key], config[key]);
  }
  return result;
}

function mergeField(field: FieldSchema, live: unknown, config: unknown): unknown {
  if (live === undefined || isLeaf(field)) return config;
  if (field.shape === "one") return mergeApplied(field.struct as TypeSchema, live as Json, config as Json);
  if (field.shape === "list") return mergeList(field, live, config);
  const result = { ...(live as Json) };
  for (const key in config as Json) result[key] = mergeElement(field, result[key], (config as Json)[key]);
  return result;
}

const mergeElement = (field: FieldSchema, live: unknown, config: unknown): unknown =>
  live === undefined || isOpaque(field)
    ? config
    : mergeApplied(field.struct as TypeSchema, live as Json, config as Json);

/** Elements by their step; of a set, the step is the element. */
const elementsOf = (field: FieldSchema, list: unknown): Map<string, unknown> =>
  field.listType === "set"
    ? new Map((list as unknown[]).map((item) => [`v:${JSON.stringify(item)}`, item]))
    : partsOf(field, list);

/** The configuration's elements in its order; what only the live list has keeps its place among those both have. */
function mergeList(field: FieldSchema, live: unknown, config: unknown): unknown[] {
  const before = elementsOf(field, live);
  const wanted = elementsOf(field, config);
  const result: unknown[] = [];
  const waiting = [...before];
  const shared = [...wanted.keys()].filter((step) => before.has(step));
  const takeOthers = () => {
    for (let next = waiting[0]; next && next[0] !== shared[0]; next = waiting[0]) {
      if (!wanted.has(next[0])) result.push(next[1]);
      waiting.shift();
    }
  };
  for (const [step, item] of wanted) {
    takeOthers();
    result.push(mergeElement(field, before.get(step), item));
    if (step === shared[0]) shared.shift();
  }
  takeOthers();
  return result;
}
