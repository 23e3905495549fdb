/** JSON Merge Patch (RFC 7396). */
import { cloneJson, setProperty } from "./json-value.js";

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A changed copy of `original`, sharing nothing with it or with `patch`. */
export function applyMergePatch(original: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return cloneJson(patch);
  const result: Json = isObject(original) ? cloneUntouched(original, patch) : {};
  for (const key in patch) {
    const value = patch[key];
    if (value === null) continue;
    const before = isObject(original) && Object.hasOwn(original, key) ? original[key] : undefined;
    setProperty(result, key, applyMergePatch(before, value));
  }
  return result;
}

function cloneUntouched(original: Json, patch: Json): Json {
  const result: Json = {};
  for (const key in original) if (!Object.hasOwn(patch, key)) setProperty(result, key, cloneJson(original[key]));
  return result;
}
