import { isNotFound, notFoundError } from "#api/status-error.js";
import { CompareFailedError } from "#storage/backend.js";
import { deleteOptions, isDryRun } from "../delete-options.js";
import { type Deletion, deleteObject } from "../deletion.js";
import { renderList } from "../render.js";
import type { ApiResponse } from "../request.js";
import { selectionOf, visitSelected } from "../selection.js";
import type { StoredObject } from "../stored-object.js";
import { admissionOf, renderOptions, type VerbContext } from "../verb-context.js";

/** Deletes on their way to the store at once: they share commits. */
const PARALLEL = 100;

/** Deletes each selected object as a delete of its own would. Answers with what was there. */
export async function deleteCollection(context: VerbContext): Promise<ApiResponse> {
  const { request, store, server } = context;
  const options = deleteOptions(request);
  const render = renderOptions({ ...context, request: { ...request, verb: "list" } });
  const admission = admissionOf(context, "DELETE", isDryRun(options));
  const items: StoredObject[] = [];
  visitSelected(store.cache, selectionOf(request), "", (object) => items.push(object) > 0);
  const deletion: Deletion = { store, options, admission, now: server.now() };
  for (let i = 0; i < items.length; i += PARALLEL) {
    await Promise.all(items.slice(i, i + PARALLEL).map((item) => deleteNewest(item, deletion)));
  }
  return renderList(items, { resourceVersion: String(store.cache.revision) }, render);
}

/** An object that changes is deleted as it has become; one that is gone already is fine. */
async function deleteNewest(item: StoredObject, deletion: Deletion): Promise<void> {
  const { kind, cache } = deletion.store;
  for (;;) {
    try {
      const newest = cache.get(item.key);
      if (!newest || newest.object.metadata.uid !== item.object.metadata.uid) throw notFoundError(kind, item.key);
      await deleteObject(newest, deletion);
      return;
    } catch (error) {
      if (isNotFound(error)) return;
      if (!(error instanceof CompareFailedError)) throw error;
    }
  }
}
