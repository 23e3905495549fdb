import type { Status } from "#api/generated/types.js";
import { deleteOptions, isDryRun } from "../delete-options.js";
import { deleteObject } from "../deletion.js";
import { renderObject, renderValue } from "../render.js";
import type { ApiResponse } from "../request.js";
import { retryOnChange } from "../retry-on-change.js";
import { StoredObject } from "../stored-object.js";
import { admissionOf, renderOptions, type VerbContext } from "../verb-context.js";

export async function remove(context: VerbContext): Promise<ApiResponse> {
  const { request, store, server } = context;
  const options = deleteOptions(request);
  const render = renderOptions(context);
  const admission = admissionOf(context, "DELETE", isDryRun(options));
  return retryOnChange(context, async (old) => {
    const result: StoredObject | Status = await deleteObject(old, { store, options, admission, now: server.now() });
    return result instanceof StoredObject ? renderObject(result, render) : renderValue(result, render);
  });
}
