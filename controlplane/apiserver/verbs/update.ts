import type { KubeObject } from "#api/object.js";
import { conflict, STALE_OBJECT } from "#api/status-error.js";
import type { Kind } from "#resources/kind.js";
import { commit } from "../commit.js";
import { partOwner } from "../object-part.js";
import { prepareUpdate } from "../prepare-write.js";
import { renderObject } from "../render.js";
import type { ApiResponse } from "../request.js";
import { checkIdentity, requestObject } from "../request-object.js";
import { retryOnChange } from "../retry-on-change.js";
import { renderOptions, type VerbContext, writeOf } from "../verb-context.js";
import { writeOptions } from "../write-options.js";

/** PUT of an object, of its status, or of another part that is written apart. Without a resourceVersion the write is unconditional. */
export async function update(context: VerbContext): Promise<ApiResponse> {
  const { request, kind, store } = context;
  const options = writeOptions(request);
  const render = renderOptions(context);
  const part = partOwner(kind, request.subresource);
  return retryOnChange(context, async (old) => {
    const { object: body, warnings } = requestObject(request, kind, options);
    checkIdentity(body, request);
    checkPreconditions(kind, body, old.object);
    const write = writeOf(context, "UPDATE", options, warnings);
    const object = part ? part.merge(body, old.copy()) : body;
    await prepareUpdate(object, old.object, write, part && ((object, old) => part.validate(object, old)));
    return { ...renderObject(await commit(store, object, old, write.admission), render), warnings };
  });
}

/** A uid or resourceVersion in the object says which state it was made from. @throws StatusError 409 */
export function checkPreconditions(kind: Kind, { metadata }: KubeObject, old: KubeObject): void {
  const { name, uid } = old.metadata;
  if (metadata.uid && metadata.uid !== uid) {
    const why = `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${uid}`;
    throw conflict(kind, name, why);
  }
  if (metadata.resourceVersion && metadata.resourceVersion !== old.metadata.resourceVersion) {
    throw conflict(kind, name, STALE_OBJECT);
  }
}
