import { isApply } from "#api/apply/media-type.js";
import { commit } from "../commit.js";
import { partOwner } from "../object-part.js";
import { patchedObject } from "../patched-object.js";
import { prepareUpdate } from "../prepare-write.js";
import { renderObject } from "../render.js";
import type { ApiResponse } from "../request.js";
import { checkIdentity } from "../request-object.js";
import { retryOnChange } from "../retry-on-change.js";
import { renderOptions, type VerbContext, writeOf } from "../verb-context.js";
import { writeOptions } from "../write-options.js";
import { apply } from "./apply.js";
import { checkPreconditions } from "./update.js";

/**
 * PATCH of an object or of a part of it: applied to the newest state, and again if that has changed before the commit. A
 * resourceVersion in the patch pins the state instead.
 */
export async function patch(context: VerbContext): Promise<ApiResponse> {
  const { request, kind, store } = context;
  if (isApply(request)) return apply(context);
  const options = writeOptions(request);
  const render = renderOptions(context);
  const part = partOwner(kind, request.subresource);
  return retryOnChange(context, async (old) => {
    const { object: patched, warnings } = patchedObject(request, kind, old.object, options);
    checkIdentity(patched, request);
    checkPreconditions(kind, patched, old.object);
    const write = writeOf(context, "UPDATE", options, warnings);
    const object = part ? part.merge(patched, old.copy()) : patched;
    await prepareUpdate(object, old.object, write, part && ((object, old) => part.validate(object, old)));
    return { ...renderObject(await commit(store, object, old, write.admission), render), warnings };
  });
}
