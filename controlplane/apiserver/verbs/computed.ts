/** get and list of kinds whose objects are stored nowhere: see `Kind.computed`. */
import { type KubeObject, keyOf } from "#api/object.js";
import { methodNotAllowed, notFoundError } from "#api/status-error.js";
import { negotiate } from "../negotiate.js";
import { type RenderOptions, renderList, renderObject } from "../render.js";
import type { ApiRequest, ApiResponse } from "../request.js";
import { unknownResource } from "../resource-table.js";
import { selectionOf } from "../selection.js";
import { ObjectCodec, StoredObject } from "../stored-object.js";

/** Where the objects come from. They have no uid and no resourceVersion. */
export interface ComputedSource {
  /** @param name absent: all of the namespace, or of all namespaces */
  find(namespace?: string, name?: string): Promise<readonly KubeObject[]>;
}

/** @param source absent where nothing works them out @param now in ms since the epoch */
export async function readComputed(
  request: ApiRequest,
  source: ComputedSource | undefined,
  now: number,
): Promise<ApiResponse> {
  const { kind, verb, name, namespace, subresource } = request;
  if (!source || subresource !== undefined) throw unknownResource();
  if (verb === "watch") throw methodNotAllowed();
  const options: RenderOptions = { kind, representation: negotiate(request), direct: request.direct, now };
  const codec = new ObjectCodec(kind);
  const stored = (object: KubeObject) => new StoredObject(keyOf(object), 0, codec.encode(object), codec);
  if (verb === "get") {
    const [found] = await source.find(namespace, name ?? "");
    // As metrics-server names what is not there.
    const subject = { ...kind, plural: kind.kind.toLowerCase() };
    if (!found) throw notFoundError(subject, namespace ? `${namespace}/${name}` : (name ?? ""));
    return renderObject(stored(found), options);
  }
  const selection = selectionOf(request);
  const all = (await source.find(namespace)).map(stored).filter((object) => selection.matches(object));
  return renderList(all, {}, options);
}
