/**
 * Writes of a kind that is another version of a stored one (`View.accept`): each becomes a write of that one, and its answer is
 * told in the version that was asked. https://kubernetes.io/docs/reference/using-api/#api-versioning
 */
import { isApply } from "#api/apply/media-type.js";
import type { KubeObject } from "#api/object.js";
import { groupVersion } from "#api/resource.js";
import { isConflict, methodNotAllowed, notFoundError, unsupportedMediaType } from "#api/status-error.js";
import type { Kind, View } from "#resources/kind.js";
import { patchedObject } from "../patched-object.js";
import { renderObject, renderValue } from "../render.js";
import type { ApiRequest, ApiResponse, ApiResult } from "../request.js";
import { checkIdentity, requestObject } from "../request-object.js";
import type { ResourceStore } from "../resource-store.js";
import type { StoredObject } from "../stored-object.js";
import { renderOptions, type VerbContext } from "../verb-context.js";
import { writeOptions } from "../write-options.js";

/** As often as a patch of a stored kind is tried. */
const ATTEMPTS = 5;

export interface Stored {
  readonly kind: Kind;
  readonly store: ResourceStore;
  readonly handle: (request: ApiRequest) => Promise<ApiResult>;
}

export async function writeThrough(context: VerbContext, stored: Stored): Promise<ApiResponse> {
  const { verb, subresource } = context.request;
  if (subresource !== undefined && subresource !== "status") throw methodNotAllowed();
  if (verb === "patch") return patch(context, stored);
  if (verb !== "create" && verb !== "update") return answer(context, stored, await forward(context, stored, {}));
  const { request, kind } = context;
  const { object, warnings } = requestObject(request, kind, writeOptions(request));
  if (verb === "update") checkIdentity(object, request);
  const source = verb === "update" ? find(context, stored).object : undefined;
  return answer(context, stored, await forward(context, stored, written(kind, object, source)), warnings);
}

async function patch(context: VerbContext, stored: Stored): Promise<ApiResponse> {
  const { request, kind } = context;
  if (isApply(request))
    throw unsupportedMediaType(`server-side apply in version ${groupVersion(kind)}: use ${groupVersion(stored.kind)}`);
  for (let attempt = 1; ; attempt++) {
    const source = find(context, stored).object;
    const current = shown(context, source).object;
    const { object, warnings } = patchedObject(request, kind, current, writeOptions(request));
    checkIdentity(object, request);
    const isPinned = object.metadata.resourceVersion !== current.metadata.resourceVersion;
    try {
      const result = await forward(context, stored, { verb: "update", ...written(kind, object, source) });
      return answer(context, stored, result, warnings);
    } catch (error) {
      if (isPinned || !isConflict(error) || attempt === ATTEMPTS) throw error;
    }
  }
}

function find({ request, kind }: VerbContext, stored: Stored): StoredObject {
  const { name = "", namespace } = request;
  const found = stored.store.find(name, namespace);
  if (!found) throw notFoundError(kind, name);
  return found;
}

const viewOf = (kind: Kind) => kind.view as Required<View<KubeObject>>;

/** The object of the stored kind, as a value. */
const written = (kind: Kind, object: KubeObject, source: KubeObject | undefined): Partial<ApiRequest> => ({
  object: viewOf(kind).accept(object, source),
  body: undefined,
  contentType: undefined,
});

async function forward({ request }: VerbContext, { kind, handle }: Stored, more: Partial<ApiRequest>) {
  return (await handle({ ...request, kind, accept: undefined, direct: true, ...more })) as ApiResponse;
}

/** What is stored, in the version that was asked. */
function shown({ kind, store }: VerbContext, source: KubeObject): StoredObject {
  const object = viewOf(kind).project(source) as KubeObject;
  return store.unstored(object, Number(source.metadata.resourceVersion ?? 0));
}

async function answer(
  context: VerbContext,
  stored: Stored,
  result: ApiResponse,
  more: readonly string[] = [],
): Promise<ApiResponse> {
  // Who has written finds it when they read in this version.
  await context.store.cache.reached(stored.store.cache.revision);
  const warnings = [...more, ...(result.warnings ?? [])];
  const options = renderOptions(context);
  const object = result.object as KubeObject;
  if (object.kind !== stored.kind.kind) return { ...renderValue(object, options, result.status), warnings };
  return { ...renderObject(shown(context, object), options, result.status), warnings };
}
