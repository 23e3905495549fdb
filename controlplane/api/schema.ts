/**
 * The shape of every API type at run time: fields, formats, how lists merge. Generated at build time by scripts/generate,
 * without prose, and read when first asked for; only the API server asks.
 */
import { readFileSync } from "node:fs";

export type ScalarType =
  | "string"
  | "boolean"
  | "int32"
  | "int64"
  | "double"
  | "bytes"
  | "quantity"
  | "intOrString"
  | "time"
  | "microTime"
  | "any";

export type Strategy = "merge" | "retainKeys" | "replace";

export interface FieldSchema {
  readonly name: string;
  /** The name in fieldsV1: `f:spec`. */
  readonly fieldKey: string;
  /** Of the value, or of the elements of a list or map: a scalar, or else `struct`. */
  readonly scalar: ScalarType | undefined;
  readonly struct: TypeSchema | undefined;
  readonly shape: "one" | "list" | "map" | "mapOfLists";
  /** The decoder gives it a zero value when it is missing. */
  readonly filled: boolean;
  /** The server always has it: nobody owns its mere presence. */
  readonly present: boolean;
  readonly listType?: "atomic" | "set" | "map";
  /** Of a list of type map: the fields that identify an element. */
  readonly keys: readonly string[];
  /** Of a list with strategy merge: the one field that identifies an element in a strategic merge patch. */
  readonly mergeKey?: string;
  readonly strategy: readonly Strategy[];
  /** A map or object owned and replaced as one value. */
  readonly atomic: boolean;
  /** The Go type, as error messages name it: `int32`, `v1.PodSpec`, `[]v1.Container`. */
  readonly goType: string;
  readonly default?: string;
}

export interface TypeSchema {
  readonly name: string;
  readonly goName: string;
  /** Owned and replaced as one value. */
  readonly atomic: boolean;
  readonly fields: ReadonlyMap<string, FieldSchema>;
  readonly filledFields: readonly FieldSchema[];
}

interface RawField {
  type: string;
  shape?: FieldSchema["shape"];
  filled?: boolean;
  present?: boolean;
  listType?: FieldSchema["listType"];
  keys?: string[];
  mergeKey?: string;
  strategy?: Strategy[];
  atomicMap?: boolean;
  stringType?: string;
  default?: string;
}

type RawTypes = Record<string, { goName?: string; atomic?: boolean; fields: Record<string, RawField> }>;

const GO_SCALARS: Record<ScalarType, string> = {
  string: "string",
  boolean: "bool",
  int32: "int32",
  int64: "int64",
  double: "float64",
  bytes: "[]uint8",
  quantity: "resource.Quantity",
  intOrString: "intstr.IntOrString",
  time: "v1.Time",
  microTime: "v1.MicroTime",
  any: "interface {}",
};

/** Named string types outside the API packages. */
const GO_PACKAGES: Record<string, string> = { UID: "types" };

const isScalar = (type: string): type is ScalarType => Object.hasOwn(GO_SCALARS, type);

const NONE: readonly never[] = [];

function goTypeOf(raw: RawField, struct: TypeSchema | undefined): string {
  if (raw.type === "quantity" && raw.shape === "map") return "v1.ResourceList";
  let base = struct ? `v1.${struct.goName}` : GO_SCALARS[raw.type as ScalarType];
  if (raw.stringType) base = `${GO_PACKAGES[raw.stringType] ?? "v1"}.${raw.stringType}`;
  if (raw.shape === "list") return `[]${base}`;
  if (raw.shape === "map") return `map[string]${base}`;
  return raw.shape === "mapOfLists" ? `map[string][]${base}` : base;
}

function linkField(name: string, raw: RawField, types: ReadonlyMap<string, TypeSchema>): FieldSchema {
  const scalar = isScalar(raw.type) ? raw.type : undefined;
  const struct = scalar ? undefined : types.get(raw.type);
  if (!scalar && !struct) throw new Error(`schema: unknown type ${raw.type}`);
  return {
    name,
    fieldKey: `f:${name}`,
    scalar,
    struct,
    shape: raw.shape ?? "one",
    filled: raw.filled === true,
    present: raw.present === true,
    listType: raw.listType,
    keys: raw.keys ?? NONE,
    mergeKey: raw.mergeKey,
    strategy: raw.strategy ?? NONE,
    atomic: raw.atomicMap === true || (raw.shape === undefined && struct?.atomic === true),
    goType: goTypeOf(raw, struct),
    default: raw.default,
  };
}

function load(): ReadonlyMap<string, TypeSchema> {
  const raw = JSON.parse(readFileSync(new URL("generated/schema.json", import.meta.url), "utf8")) as RawTypes;
  const types = new Map<string, TypeSchema & { fields: Map<string, FieldSchema>; filledFields: FieldSchema[] }>();
  for (const [name, { goName = name, atomic = false }] of Object.entries(raw)) {
    types.set(name, { name, goName, atomic, fields: new Map(), filledFields: [] });
  }
  for (const [name, { fields }] of Object.entries(raw)) {
    const type = types.get(name);
    for (const [fieldName, rawField] of Object.entries(fields)) {
      const field = linkField(fieldName, rawField, types);
      type?.fields.set(fieldName, field);
      if (field.filled) type?.filledFields.push(field);
    }
  }
  return types;
}

let loaded: ReadonlyMap<string, TypeSchema> | undefined;

/** By name in generated/types.ts: "Pod", "PodSpec". */
export function typeSchemas(): ReadonlyMap<string, TypeSchema> {
  loaded ??= load();
  return loaded;
}

/** @throws Error when there is no such type: the caller's mistake, not a client's */
export function typeSchema(name: string): TypeSchema {
  const type = typeSchemas().get(name);
  if (!type) throw new Error(`no schema for ${name}: add it to scripts/generate/roots.mjs`);
  return type;
}
