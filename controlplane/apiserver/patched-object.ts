/** What a PATCH makes of an object. https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/ */
import { type BodyTarget, type DecodedBody, decodePatched } from "#api/decode-body.js";
import type { KubeObject } from "#api/object.js";
import { applyPatch, type ParsedPatch, parsePatch } from "#api/patch.js";
import { badRequest } from "#api/status-error.js";
import type { ApiRequest } from "./request.js";
import type { WriteOptions } from "./write-options.js";

/**
 * @param current is only read
 * @throws StatusError 415 for a patch of a type we do not speak, 400 and 422 for one that does not fit
 */
export function patchedObject<T extends object = KubeObject>(
  request: ApiRequest,
  target: BodyTarget,
  current: T,
  { fieldValidation }: Pick<WriteOptions, "fieldValidation">,
): DecodedBody<T> {
  const parsed = requestPatch(request);
  if (fieldValidation === "Strict" && parsed.complaints.length > 0) {
    throw badRequest(`strict decoding error: ${parsed.complaints.join(", ")}`);
  }
  const patched = applyPatch(target.schema, current, parsed);
  const { object, warnings } = decodePatched<T>(patched, target, fieldValidation, parsed);
  return { object, warnings: fieldValidation === "Warn" ? [...parsed.complaints, ...warnings] : warnings };
}

function requestPatch({ contentType, body, object }: ApiRequest): ParsedPatch {
  const parsed = parsePatch(contentType, object === undefined ? (body ?? Buffer.alloc(0)) : EMPTY_OBJECT);
  return object === undefined ? parsed : { ...parsed, patch: object };
}

/** Stands for a body on a direct request, so that its type is checked in the same place. */
const EMPTY_OBJECT = Buffer.from("{}");
