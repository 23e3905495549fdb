import { renderObject } from "../render.js";
import type { ApiResponse } from "../request.js";
import { parseRevision } from "../resource-version.js";
import { refuseFutureRevision, renderOptions, target, type VerbContext } from "../verb-context.js";

/** Always the newest state, which is not older than any resourceVersion the client may have seen. */
export async function get(context: VerbContext): Promise<ApiResponse> {
  const { request, store } = context;
  if (request.query.size > 0) {
    refuseFutureRevision(parseRevision(request.query.get("resourceVersion")) ?? 0, store.cache.revision);
  }
  return renderObject(target(context), renderOptions(context));
}
