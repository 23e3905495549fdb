/** Optimistic concurrency for writes that do not say which state they were made from. */
import { conflict } from "#api/status-error.js";
import { CompareFailedError } from "#storage/backend.js";
import type { StoredObject } from "./stored-object.js";
import { target, type VerbContext } from "./verb-context.js";

/** Upstream gives a patch five. Updates and deletes that name no version may not fail for being slow. */
const ATTEMPTS = { patch: 5, other: 1000 };

/**
 * Calls `write` with the newest state of the request's object, again when that state was not the newest any more at the
 * commit. A write that checks its own preconditions finds them broken on the second call.
 * @throws StatusError 404, or 409 when others were faster each time
 */
export async function retryOnChange<T>(context: VerbContext, write: (old: StoredObject) => Promise<T>): Promise<T> {
  const attempts = context.request.verb === "patch" ? ATTEMPTS.patch : ATTEMPTS.other;
  for (let attempt = 1; ; attempt++) {
    try {
      return await write(target(context));
    } catch (error) {
      if (!(error instanceof CompareFailedError)) throw error;
      if (attempt === attempts) throw conflict(context.kind, context.request.name ?? "");
    }
  }
}
