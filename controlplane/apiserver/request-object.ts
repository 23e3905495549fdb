/** The object a request carries, from its bytes or, on a direct request, as a value. */

import { decodeObject } from "#api/decode.js";
import { type BodyTarget, type DecodedBody, decodeBody } from "#api/decode-body.js";
import { cloneJson } from "#api/json-value.js";
import type { KubeObject } from "#api/object.js";
import { groupVersion } from "#api/resource.js";
import { badRequest } from "#api/status-error.js";
import type { ApiRequest } from "./request.js";
import type { WriteOptions } from "./write-options.js";

/** A new object each time: the caller changes and stores it. @throws StatusError 400, 415 */
export function requestObject<T extends object = KubeObject>(
  request: ApiRequest,
  target: BodyTarget,
  options: Pick<WriteOptions, "fieldValidation">,
): DecodedBody<T> {
  if (request.object !== undefined) {
    const { object } = decodeObject(target.schema, cloneJson(request.object));
    Object.assign(object, { apiVersion: groupVersion(target), kind: target.kind });
    return { object: object as T, warnings: [] };
  }
  return decodeBody<T>(request.body ?? Buffer.alloc(0), request.contentType, target, options.fieldValidation);
}

/** The URL says which object is written: a body that says otherwise is refused. */
export function checkIdentity(object: KubeObject, { kind, name, namespace }: ApiRequest): void {
  const { metadata } = object;
  if (!metadata.name) throw badRequest("the name of the object was undeterminable: name must be provided");
  if (metadata.name !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  }
  if (!kind.namespaced || !metadata.namespace || metadata.namespace === namespace) return;
  throw badRequest(
    `the namespace of the object (${metadata.namespace}) does not match the namespace on the request (${namespace})`,
  );
}
