import { isLeaf, isOpaque, partsOf } from "../field-parts.js";
import { type FieldSet, LEAF, type MutableFieldSet, pathStep } from "../field-set.js";
import type { FieldSchema, TypeSchema } from "../schema.js";

type Json = Record<string, unknown>;

/** A configuration in which it is not clear which element is meant. */
export class AmbiguousError extends Error {}

const isEmpty = (value: object) => Object.keys(value).length === 0;

/**
 * The fields that an applied configuration names. Its manager owns values, elements of lists and maps, and what stands there
 * empty; of an object that is only the way to a value it owns nothing. Undefined: it names none.
 * @param at where `value` stands: ".spec"
 * @throws AmbiguousError
 */
export function appliedSet(type: TypeSchema, value: Json, at = ""): FieldSet | undefined {
  const set: MutableFieldSet = {};
  for (const key in value) {
    const field = type.fields.get(key);
    const inner = value[key];
    const fields = field && inner !== null && inner !== undefined ? setOf(field, inner, `${at}.${key}`) : undefined;
    if (field && fields) set[field.fieldKey] = fields;
  }
  return isEmpty(set) ? undefined : set;
}

function setOf(field: FieldSchema, value: unknown, at: string): FieldSet | undefined {
  if (isLeaf(field)) return LEAF;
  if (field.shape === "one")
    return isEmpty(value as Json) ? LEAF : appliedSet(field.struct as TypeSchema, value as Json, at);
  if (field.shape === "list") checkElements(field, value as unknown[], at);
  const set: MutableFieldSet = {};
  for (const [step, part] of partsOf(field, value)) {
    const inner = isOpaque(field)
      ? undefined
      : appliedSet(field.struct as TypeSchema, part as Json, at + pathStep(step));
    set[step] = inner ? { ".": LEAF, ...inner } : LEAF;
  }
  if (!isEmpty(set)) return set;
  return field.shape === "list" ? undefined : LEAF;
}

/** Upstream's words. */
function checkElements(field: FieldSchema, list: readonly unknown[], at: string): void {
  const seen = new Set<string>();
  list.forEach((item, index) => {
    const [step = ""] = partsOf(field, [item]).keys();
    if (step === "k:{}") {
      const keys = `[${field.keys.map((key) => JSON.stringify(key)).join(" ")}]`;
      throw new AmbiguousError(
        `${at}: element ${index}: associative list with keys has an element that omits all key fields ${keys} (and doesn't have default values for any key fields)`,
      );
    }
    if (seen.has(step)) throw new AmbiguousError(`${at}: duplicate entries for key ${pathStep(step)}`);
    seen.add(step);
  });
}
