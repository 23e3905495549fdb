/**
 * Lists come from the cache. Pages and exact versions are read at one revision: from the cache while the kind has not
 * changed since, else from the store's history.
 */
import { badRequest, gone } from "#api/status-error.js";
import { CompactedError } from "#storage/backend.js";
import { decodeContinue, encodeContinue, expiredContinue } from "../continue-token.js";
import { type ListMeta, renderList } from "../render.js";
import type { ApiResponse } from "../request.js";
import type { ResourceStore } from "../resource-store.js";
import { listVersion } from "../resource-version.js";
import { type Selection, selectionOf, visitSelected } from "../selection.js";
import { StoredObject } from "../stored-object.js";
import { refuseFutureRevision, renderOptions, type VerbContext } from "../verb-context.js";

interface Page {
  items: StoredObject[];
  revision: number;
  /** The first key after the page; absent when nothing follows. */
  next?: string;
  /** It is all the namespace holds now. */
  isWhole?: boolean;
  /** How many follow; known when no selector filters. */
  remaining?: number;
}

interface PageQuery {
  selection: Selection;
  start: string;
  limit: number;
}

export async function list(context: VerbContext): Promise<ApiResponse> {
  const { request, store } = context;
  const options = renderOptions(context);
  const selection = selectionOf(request);
  const { items, revision, next, remaining, isWhole } = await readPage(store, request.query, selection);
  const metadata: ListMeta = { resourceVersion: String(revision) };
  if (next !== undefined) {
    metadata.continue = encodeContinue({ revision, start: next });
    metadata.remainingItemCount = remaining;
  }
  const { namespace = "" } = selection;
  const whole = () => store.listBytes.get(namespace, store.cache.lastChange, items);
  return renderList(items, metadata, options, isWhole ? whole : undefined);
}

async function readPage(store: ResourceStore, query: URLSearchParams, selection: Selection): Promise<Page> {
  const { revision, match } = listVersion(query);
  const limit = limitOf(query);
  const token = query.get("continue");
  if (token) {
    const { revision, start } = decodeContinue(token);
    const page = { selection, start, limit };
    if (revision === undefined) return cachePage(store, page, store.cache.revision);
    return pageAt(store, page, revision, () => expiredContinue(start));
  }
  refuseFutureRevision(revision ?? 0, store.cache.revision);
  const page = { selection, start: "", limit };
  // Without a match rule, a limit makes a given version exact.
  const exact = match === "Exact" || (match === undefined && revision && limit !== Number.POSITIVE_INFINITY);
  if (!exact || !revision) return cachePage(store, page, store.cache.revision);
  return pageAt(store, page, revision, () => gone("The resourceVersion for the provided list is too old."));
}

function limitOf(query: URLSearchParams): number {
  const text = query.get("limit");
  if (!text) return Number.POSITIVE_INFINITY;
  if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text) > 0 ? Number(text) : Number.POSITIVE_INFINITY;
}

/** @param expired makes the error when the revision has been compacted */
async function pageAt(store: ResourceStore, page: PageQuery, revision: number, expired: () => Error): Promise<Page> {
  if (revision >= store.cache.lastChange) return cachePage(store, page, revision);
  try {
    return await historyPage(store, page, revision);
  } catch (error) {
    if (error instanceof CompactedError) throw expired();
    throw error;
  }
}

function cachePage({ cache }: ResourceStore, { selection, start, limit }: PageQuery, revision: number): Page {
  const items: StoredObject[] = [];
  const page: Page = { items, revision };
  visitSelected(cache, selection, start, (object) => {
    if (items.length < limit) return items.push(object) > 0;
    page.next = object.key;
    if (selection.unfiltered) page.remaining = cache.count(selection.namespace, object.key);
    return false;
  });
  page.isWhole = selection.unfiltered && start === "" && page.next === undefined;
  return page;
}

async function historyPage(
  store: ResourceStore,
  { selection, start, limit }: PageQuery,
  revision: number,
): Promise<Page> {
  const { backend, codec } = store;
  const root = store.cache.prefix;
  const prefix = selection.namespace === undefined ? root : `${root}${selection.namespace}/`;
  const items: StoredObject[] = [];
  // One more than asked for tells whether, and where, the list goes on.
  const batch = Math.min(limit + 1, 500);
  for (let from = [prefix, root + start].sort()[1]!; ; ) {
    const part = await backend.list({ prefix, start: from, limit: batch, revision });
    for (const [index, { key, value, revision: written }] of part.items.entries()) {
      const object = new StoredObject(key.slice(root.length), written, codec.splice(value, written), codec);
      if (!selection.matches(object)) continue;
      if (items.length === limit) {
        const remaining = selection.unfiltered ? part.remaining + part.items.length - index : undefined;
        return { items, revision, next: object.key, remaining };
      }
      items.push(object);
    }
    if (!part.more) return { items, revision };
    from = `${part.items.at(-1)!.key}\0`;
  }
}
