/**
 * A value of the wrong type, in the API server's own two wordings: its JSON decoder names the field, and the converter
 * that turns the outcome of a strategic merge patch into an object names only the types.
 */
import type { FieldSchema } from "./schema.js";

export class DecodeError extends Error {
  /** @param conversion the converter's words, where they differ */
  constructor(
    message: string,
    readonly conversion = message,
  ) {
    super(message);
  }
}

/** The kind of a JSON value, as Go calls it. */
function goKind(value: unknown): string {
  if (Array.isArray(value)) return "slice";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
  return typeof value === "object" ? "map" : typeof value;
}

/** @param goType of the place the value is meant for */
export function conversionText({ struct, scalar }: FieldSchema, goType: string, value: unknown): string {
  const from = goKind(value);
  if (goType.startsWith("map[") || goType.endsWith(".ResourceList")) return `cannot restore map from ${from}`;
  if (goType.startsWith("[]")) return `cannot restore slice from ${from}`;
  if (struct) return `cannot restore struct from: ${from}`;
  const to = scalar === "boolean" ? "bool" : scalar === "double" ? "float64" : scalar;
  // Go turns an integer into a string, and a number into another; the converter stops it.
  const convertible = to === "string" ? from === "int64" : to !== "bool" && /^(int|float)64$/.test(from);
  return convertible ? `cannot convert ${from} to ${goType}` : `unrecognized type: ${to}`;
}
