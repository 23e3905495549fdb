/** From a request to the verb that answers it. What is in front of it (sockets, the request chain): see `request.ts`. */
import { groupResource, type ResourceRef } from "#api/resource.js";
import { methodNotAllowed, StatusError } from "#api/status-error.js";
import { type AdmissionContext, type ClusterConfig, isWritable, type Kind } from "#resources/kind.js";
import type { Backend } from "#storage/backend.js";
import type { ClusterReader } from "./cluster-reader.js";
import { Registry } from "./registry.js";
import type { ApiRequest, ApiResult, Verb } from "./request.js";
import type { ServerContext, VerbContext } from "./verb-context.js";
import { act } from "./verbs/action.js";
import { type ComputedSource, readComputed } from "./verbs/computed.js";
import { create } from "./verbs/create.js";
import { remove } from "./verbs/delete.js";
import { deleteCollection } from "./verbs/delete-collection.js";
import { evict } from "./verbs/evict.js";
import { get } from "./verbs/get.js";
import { list } from "./verbs/list.js";
import { patch } from "./verbs/patch.js";
import { getScale, writeScale } from "./verbs/scale.js";
import { update } from "./verbs/update.js";
import { watch } from "./verbs/watch.js";
import { writeThrough } from "./verbs/write-through.js";

export interface ResourceOptions {
  readonly backend: Backend;
  readonly kinds: readonly Kind[];
  readonly cluster: ClusterConfig;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** How often watchers that asked for it get a BOOKMARK. Default ten seconds. */
  readonly bookmarkMs?: number;
  readonly issueToken?: AdmissionContext["issueToken"];
  /** Told of what goes wrong in the background. Default: thrown. */
  readonly onError?: (error: Error) => void;
}

export interface ResourceHandler {
  /** @throws StatusError */
  handle(request: ApiRequest): Promise<ApiResult>;
  readonly reader: ClusterReader;
  /** Says where the objects of a kind come from that are worked out when they are asked for. */
  compute(ref: ResourceRef, source: ComputedSource): void;
  /** @throws Error that names the kinds which cannot be read for now: their watch on the store has ended */
  check(): void;
  /** Ends all watches. The backend stays open. */
  close(): void;
}

type VerbFunction = (context: VerbContext) => Promise<ApiResult>;

const verbs: Readonly<Record<Verb, VerbFunction>> = {
  get,
  list,
  watch,
  create,
  update,
  patch,
  delete: remove,
  deletecollection: deleteCollection,
};

const READS: ReadonlySet<Verb> = new Set(["get", "list", "watch"]);

/** Reads all objects of all kinds into memory; resolves when requests can be answered. */
export async function openResources(options: ResourceOptions): Promise<ResourceHandler> {
  const { backend, kinds, cluster, issueToken, now = Date.now, bookmarkMs = 10_000 } = options;
  const registry = await Registry.open(backend, kinds, { bookmarkMs, now, onError: options.onError ?? rethrow });
  const server: ServerContext = { registry, backend, cluster, issueToken, now };
  const sources = new Map<string, ComputedSource>();
  const handle = async (request: ApiRequest): Promise<ApiResult> => {
    const { kind, verb } = request;
    const isWrite = !READS.has(verb);
    if (isWrite && !isWritable(kind)) throw methodNotAllowed();
    if (kind.computed) return readComputed(request, sources.get(groupResource(kind)), now());
    const context = { request, kind, store: registry.ready(kind) ?? (await registry.opened(kind)), server };
    if (isWrite && kind.view) {
      const stored = registry.store(kind.view.of);
      return writeThrough(context, { kind: stored.kind, store: stored, handle });
    }
    return request.subresource === undefined ? verbs[verb](context) : subresource(context);
  };
  return {
    reader: registry,
    check: () => registry.check(),
    close: () => registry.close(),
    compute: (ref, source) => void sources.set(groupResource(ref), source),
    handle,
  };
}

function rethrow(error: Error): never {
  throw error;
}

function subresource(context: VerbContext): Promise<ApiResult> {
  const { request, kind } = context;
  const { verb, subresource: name = "" } = request;
  const { status, parts, scale, actions } = kind.subresources ?? {};
  const isPart = verb === "get" || verb === "update" || verb === "patch";
  if ((name === "status" && status) || parts?.[name]) {
    if (!isPart) throw methodNotAllowed();
    return verbs[verb](context);
  }
  if (name === "scale" && scale) {
    if (!isPart) throw methodNotAllowed();
    return verb === "get" ? getScale(context, scale) : writeScale(context, scale);
  }
  const action = actions?.[name];
  if (!action) throw new StatusError(404, "NotFound", "the server could not find the requested resource", {});
  const wanted = action.method === "PUT" ? "update" : "create";
  if (verb !== wanted) throw methodNotAllowed();
  return action.effect === "evict" ? evict(context, action) : act(context, action);
}
