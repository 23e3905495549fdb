/** One door to the three kinds of patch; the fourth, apply, is in apply/. None changes its input, which may be frozen; results share nothing with it. */
import { APPLY_PATCH } from "./apply/media-type.js";
import { duplicateKeys, scanJson } from "./json-scan.js";
import { applyJsonPatch } from "./patch-json.js";
import { applyMergePatch } from "./patch-merge.js";
import { applyStrategicMergePatch } from "./patch-strategic.js";
import { badRequest, unsupportedMediaType } from "./status-error.js";

export { applyJsonPatch, applyMergePatch, applyStrategicMergePatch };

export const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
] as const;

export type PatchType = (typeof patchTypes)[number];

export interface ParsedPatch {
  readonly type: PatchType;
  readonly patch: unknown;
  /** `duplicate field "spec.replicas"`: for fieldValidation. */
  readonly complaints: readonly string[];
}

/** @throws StatusError 415 for another media type, 400 for what is no JSON */
export function parsePatch(contentType: string | undefined, body: Buffer): ParsedPatch {
  const mediaType = ((contentType ?? "").split(";")[0] as string).trim().toLowerCase();
  const type = patchTypes.find((known) => known === mediaType);
  if (!type) {
    const accepted = [...patchTypes, APPLY_PATCH].join(", ");
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: ${accepted}`,
    );
  }
  const text = body.toString("utf8");
  let patch: unknown;
  try {
    patch = JSON.parse(text);
  } catch {
    throw badRequest(scanJson(text).error ?? "invalid JSON");
  }
  const duplicates = duplicateKeys(text, patch).map((path) => `duplicate field ${JSON.stringify(path)}`);
  return { type, patch, complaints: duplicates };
}

/** @param schemaName the type of `original` in generated/types.ts @throws StatusError 400 or 422 */
export function applyPatch(schemaName: string, original: unknown, { type, patch }: ParsedPatch): unknown {
  switch (type) {
    case "application/json-patch+json":
      return applyJsonPatch(original, patch);
    case "application/merge-patch+json":
      if (typeof patch !== "object" || patch === null || Array.isArray(patch)) throw badRequest("Invalid JSON Patch");
      return applyMergePatch(original, patch);
    default:
      return applyStrategicMergePatch(schemaName, original, patch);
  }
}
