/** https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes */
import { gone } from "#api/status-error.js";
import { CompactedError } from "#storage/backend.js";
import type { ApiStream } from "../request.js";
import { watchStart } from "../resource-version.js";
import { selectionOf } from "../selection.js";
import { refuseFutureRevision, renderOptions, type VerbContext } from "../verb-context.js";
import { watchEncoder } from "../watch-encoder.js";
import { type SessionOptions, WatchSession } from "../watch-session.js";

/** A watch without a timeout of its own ends after 30 to 60 minutes, so that clients spread over servers again. */
const DEFAULT_TIMEOUT_MS = 30 * 60_000;

export async function watch(context: VerbContext): Promise<ApiStream> {
  const { request, store, server } = context;
  const { cache, hub, backend } = store;
  const { revision, sendInitialEvents, bookmarks } = watchStart(request.query);
  refuseFutureRevision(revision ?? 0, cache.revision);
  const from = startPoint(revision, sendInitialEvents);
  if (typeof from === "number") await refuseCompacted(context, from);
  const options: SessionOptions = {
    cache,
    hub,
    backend,
    selection: selectionOf(request),
    encoder: watchEncoder(renderOptions(context), server.now),
    bookmarks,
    from,
    markInitialEnd: sendInitialEvents === true,
    timeoutMs: timeoutMs(request.query),
  };
  return {
    contentType: "application/json",
    start(sink) {
      const session = new WatchSession(sink, options);
      return () => session.stop();
    },
  };
}

function startPoint(revision: number | undefined, sendInitialEvents: boolean | undefined): SessionOptions["from"] {
  if (sendInitialEvents) return "existing";
  if (revision) return revision;
  return sendInitialEvents === false ? "now" : "existing";
}

/** What is neither in memory nor in the log any more is refused at once, as HTTP 410. */
async function refuseCompacted({ store }: VerbContext, from: number): Promise<void> {
  if (store.cache.window.after(from)) return;
  const ignore = { onEvents: () => undefined, onError: () => undefined };
  try {
    (await store.backend.watch(store.cache.prefix, from, ignore)).close();
  } catch (error) {
    if (!(error instanceof CompactedError)) throw error;
    throw gone(`too old resource version: ${from} (${error.compactedRevision})`);
  }
}

function timeoutMs(query: URLSearchParams): number {
  const seconds = Number(query.get("timeoutSeconds") ?? 0);
  return seconds > 0 ? Math.min(seconds * 1000, 2 ** 31 - 1) : DEFAULT_TIMEOUT_MS * (1 + Math.random());
}
