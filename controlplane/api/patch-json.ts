/** JSON Patch (RFC 6902), answered as the API server answers. */
import jsonPatch, { type Operation } from "fast-json-patch";
import { cloneJson } from "./json-value.js";
import { badRequest, StatusError, tooLarge } from "./status-error.js";

const MAX_OPERATIONS = 10_000;

/** The answer to a patch that cannot be carried out, in the few words the API server has for it. */
function unprocessable(): StatusError {
  return new StatusError(422, "Invalid", "the server rejected our request due to an error in our request", {});
}

function isOperation(value: unknown): value is Operation {
  if (typeof value !== "object" || value === null) return false;
  const { op, path } = value as Record<string, unknown>;
  return typeof op === "string" && typeof path === "string";
}

/**
 * A changed copy of `original`, sharing nothing with it.
 * @throws StatusError 400 when `patch` is no list of operations, 422 when one fails (a missing path, a failed test)
 */
export function applyJsonPatch(original: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) {
    const what = typeof patch === "object" ? "object" : typeof patch;
    throw badRequest(`json: cannot unmarshal ${what} into Go value of type jsonpatch.Patch`);
  }
  if (patch.length > MAX_OPERATIONS) {
    throw tooLarge(`The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`);
  }
  if (!patch.every(isOperation)) throw badRequest("a JSON patch is a list of objects with an op and a path");
  try {
    return jsonPatch.applyPatch(cloneJson(original), cloneJson(patch), true, true).newDocument;
  } catch (error) {
    if (error instanceof Error) throw unprocessable();
    throw error;
  }
}
