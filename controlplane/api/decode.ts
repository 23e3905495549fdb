/**
 * From parsed JSON to an object of a kind, as the API server's own decoder does it: types are checked, unknown fields are
 * pruned and reported, nulls and empty optional lists and maps are dropped, missing required fields get their zero
 * value, quantities and times take their canonical form. Runs on every write, in place and in one pass.
 */
import { conversionText, DecodeError } from "./decode-error.js";
import { canonicalQuantity } from "./quantity.js";
import { type FieldSchema, type TypeSchema, typeSchema } from "./schema.js";
import { canonicalTime } from "./time.js";

type Json = Record<string, unknown>;

const DROP = Symbol("drop");

/** Where the decoder stands: field names and list indices from the root. Kept by hand so that only errors pay for text. */
class Position {
  readonly steps: (string | number)[] = [];
  readonly unknown: string[] = [];

  /** `spec.containers[0].foo`: how strict decoding names a field. */
  path(last: string): string {
    let text = "";
    for (const step of this.steps) text += typeof step === "number" ? `[${step}]` : text ? `.${step}` : step;
    return text ? `${text}.${last}` : last;
  }

  /** `spec.containers.foo`: how type errors name a field. */
  goPath(last: string): string {
    return [...this.steps.filter((step) => typeof step === "string"), last].join(".");
  }
}

function describe(value: unknown, wantsNumber: boolean): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return wantsNumber ? `number ${value}` : "number";
  return typeof value;
}

class Decoder {
  readonly at = new Position();

  constructor(readonly root: TypeSchema) {}

  private mismatch(owner: TypeSchema, field: FieldSchema, value: unknown, goType: string): DecodeError {
    const what = describe(value, /^(int|float)/.test(goType));
    const where = `${owner.goName}.${this.at.goPath(field.name)}`;
    const message = `json: cannot unmarshal ${what} into Go struct field ${where} of type ${goType}`;
    return new DecodeError(message, conversionText(field, goType, value));
  }

  object(type: TypeSchema, value: Json): Json {
    let pruned: string[] | undefined;
    for (const key in value) {
      const field = type.fields.get(key);
      if (field === undefined) {
        this.at.unknown.push(this.at.path(key));
      } else {
        const before = value[key];
        const after = before === null ? DROP : this.field(type, field, before);
        if (after === before) continue;
        if (after !== DROP) {
          value[key] = after;
          continue;
        }
      }
      pruned ??= [];
      pruned.push(key);
    }
    const result = pruned ? without(value, pruned) : value;
    for (const field of type.filledFields) {
      if (result[field.name] === undefined) fill(result, field);
    }
    return result;
  }

  private field(owner: TypeSchema, field: FieldSchema, value: unknown): unknown {
    switch (field.shape) {
      case "one":
        if (field.struct === undefined) return this.scalar(owner, field, value, field.goType);
        if (!isObject(value)) throw this.mismatch(owner, field, value, field.goType);
        this.at.steps.push(field.name);
        value = this.object(field.struct, value);
        this.at.steps.pop();
        return value;
      case "list":
        if (!Array.isArray(value)) throw this.mismatch(owner, field, value, field.goType);
        if (value.length === 0 && !field.filled) return DROP;
        return this.list(owner, field, value);
      default:
        if (!isObject(value)) throw this.mismatch(owner, field, value, field.goType);
        return this.map(owner, field, value);
    }
  }

  private list(owner: TypeSchema, field: FieldSchema, list: unknown[]): unknown[] {
    if (field.struct === undefined) {
      const goType = field.goType.slice(field.goType.lastIndexOf("]") + 1);
      for (let i = 0; i < list.length; i++) list[i] = this.scalar(owner, field, list[i] ?? zero(field), goType);
      return list;
    }
    const { steps } = this.at;
    steps.push(field.name);
    for (let i = 0; i < list.length; i++) {
      const item = list[i] ?? {};
      if (!isObject(item)) {
        steps.pop();
        throw this.mismatch(owner, field, item, field.goType.slice(2));
      }
      steps.push(i);
      list[i] = this.object(field.struct, item);
      steps.pop();
    }
    steps.pop();
    return list;
  }

  private map(owner: TypeSchema, field: FieldSchema, map: Json): unknown {
    const goType = field.goType.slice(field.goType.lastIndexOf("]") + 1);
    let empty = true;
    for (const key in map) {
      empty = false;
      const before = map[key];
      let after: unknown;
      if (field.shape === "mapOfLists") {
        if (!Array.isArray(before)) throw this.mismatch(owner, field, before, `[]${goType}`);
        after = before;
        for (const item of before) this.scalar(owner, field, item, goType);
      } else if (field.struct) {
        if (!isObject(before)) throw this.mismatch(owner, field, before, goType);
        this.at.steps.push(field.name, key);
        after = this.object(field.struct, before);
        this.at.steps.length -= 2;
      } else if (typeof before === "string" && field.scalar === "string") continue;
      else after = this.scalar(owner, field, before ?? zero(field), goType === "v1.ResourceList" ? "" : goType);
      if (after !== before) Object.defineProperty(map, key, { value: after, ...PLAIN });
    }
    return empty && !field.filled ? DROP : map;
  }

  private scalar(owner: TypeSchema, field: FieldSchema, value: unknown, goType: string): unknown {
    switch (field.scalar) {
      case "string":
        if (typeof value === "string") return value === "" && owner.name === "ObjectMeta" ? emptyIn(field) : value;
        break;
      case "boolean":
        if (typeof value === "boolean") return value;
        break;
      case "int32":
        if (typeof value === "number" && (value | 0) === value) return value;
        break;
      case "int64":
        if (typeof value === "number" && Number.isInteger(value) && Math.abs(value) <= 2 ** 63) return value;
        break;
      case "double":
        if (typeof value === "number") return value;
        break;
      case "any":
        return value;
      default:
        return decodeSpecial(field, value, () => this.mismatch(owner, field, value, goType));
    }
    throw this.mismatch(owner, field, value, goType);
  }
}

const PLAIN = { writable: true, enumerable: true, configurable: true } as const;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** No string of metadata means anything when it is empty; within its maps (labels) the empty string is a value. */
const emptyIn = (field: FieldSchema) => (field.shape === "one" ? DROP : "");

/** Types that read their own JSON. Their errors name no field, as in Go. */
function decodeSpecial(field: FieldSchema, value: unknown, mismatch: () => DecodeError): unknown {
  switch (field.scalar) {
    case "quantity":
      try {
        return canonicalQuantity(typeof value === "number" || typeof value === "string" ? value || "0" : "{}");
      } catch (error) {
        throw new DecodeError((error as Error).message);
      }
    case "intOrString":
      if (typeof value === "string" || (typeof value === "number" && (value | 0) === value)) return value;
      throw new DecodeError(`json: cannot unmarshal ${describe(value, true)} into Go value of type int32`);
    case "bytes":
      if (typeof value !== "string") throw mismatch();
      return decodeBase64(value);
    default: {
      if (typeof value !== "string")
        throw new DecodeError(`json: cannot unmarshal ${describe(value, false)} into Go value of type string`);
      if (value === "") return DROP;
      const text = canonicalTime(value, field.scalar === "time" ? "seconds" : "micros");
      if (text !== undefined) return text;
      const layout = field.scalar === "time" ? "2006-01-02T15:04:05Z07:00" : "2006-01-02T15:04:05.000000Z07:00";
      const quoted = JSON.stringify(value);
      throw new DecodeError(`parsing time ${quoted} as ${JSON.stringify(layout)}: cannot parse ${quoted} as "2006"`);
    }
  }
}

function decodeBase64(text: string): string {
  if (text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)) return text;
  const compact = text.replace(/[\r\n]/g, "");
  if (compact.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(compact)) return compact;
  const bad = /[^A-Za-z0-9+/]/.exec(compact)?.index ?? compact.length - (compact.length % 4);
  throw new DecodeError(`illegal base64 data at input byte ${bad}`);
}

function zero(field: FieldSchema): unknown {
  if (field.struct) return {};
  if (field.scalar === "boolean") return false;
  return field.scalar === "string" || field.scalar === "bytes" ? "" : 0;
}

function fill(object: Json, field: FieldSchema): void {
  if (field.shape === "list") object[field.name] = [];
  else if (field.shape !== "one") object[field.name] = {};
  else if (field.struct) {
    const value: Json = {};
    for (const inner of field.struct.filledFields) fill(value, inner);
    object[field.name] = value;
  } else if (field.scalar !== "any" && field.scalar !== "time" && field.scalar !== "microTime") {
    object[field.name] = zero(field);
  }
}

/** A copy without some keys: cheaper for every later reader than an object that keys were deleted from. */
function without(object: Json, keys: readonly string[]): Json {
  const copy: Json = {};
  for (const key in object) if (!keys.includes(key)) copy[key] = object[key];
  return copy;
}

export interface Decoded<T> {
  object: T;
  /** Paths of the fields that were pruned: `spec.containers[0].foo`. */
  unknownFields: string[];
}

/**
 * Decodes `value` (parsed JSON, which becomes the caller's object: it is changed in place) as the type `schemaName`.
 * @throws DecodeError when a value has the wrong type
 */
export function decodeObject<T = Json>(schemaName: string, value: unknown): Decoded<T> {
  const type = typeSchema(schemaName);
  if (!isObject(value)) {
    const what = value === null ? "null" : describe(value, false);
    throw new DecodeError(`json: cannot unmarshal ${what} into Go value of type v1.${type.goName}`);
  }
  const decoder = new Decoder(type);
  const object = decoder.object(type, value) as T;
  return { object, unknownFields: decoder.at.unknown };
}
