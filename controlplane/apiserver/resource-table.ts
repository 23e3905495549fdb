/** From the words of a URL to what stands behind them, by look-up. Built once; discovery reads it too. */

import { StatusError } from "#api/status-error.js";
import type { Kind, UserInfo } from "#resources/kind.js";
import type { ResourceInfo } from "./request-info.js";

/** A resource that is asked and stored nowhere: SelfSubjectReview and its like. It can only be created. */
export interface VirtualResource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** @param object the decoded body @param namespace of the request, if the resource is {@link namespaced} */
  create(object: Record<string, unknown>, user: UserInfo, namespace?: string): object | Promise<object>;
}

export type ResourceEntry = { kind: Kind; virtual?: undefined } | { virtual: VirtualResource; kind?: undefined };

export class ResourceTable {
  readonly #versions = new Map<string, Map<string, ResourceEntry>>();

  constructor(
    readonly kinds: readonly Kind[],
    readonly virtuals: readonly VirtualResource[] = [],
  ) {
    for (const kind of kinds) this.#add(kind, { kind });
    for (const virtual of virtuals) this.#add(virtual, { virtual });
  }

  #add(resource: { group: string; version: string; plural: string }, entry: ResourceEntry): void {
    const version = `${resource.group}/${resource.version}`;
    const plurals = this.#versions.get(version) ?? new Map<string, ResourceEntry>();
    this.#versions.set(version, plurals.set(resource.plural, entry));
  }

  /** @throws StatusError 404 when there is no such resource, or not under such a path */
  find(info: ResourceInfo): ResourceEntry {
    const entry = this.#versions.get(`${info.group}/${info.version}`)?.get(info.plural);
    if (!entry) throw unknownResource();
    const { namespaced } = entry.kind ?? entry.virtual;
    if (info.namespace !== undefined ? !namespaced : namespaced && info.name !== undefined) throw unknownResource();
    return entry;
  }
}

export function unknownResource(): StatusError {
  return new StatusError(404, "NotFound", "the server could not find the requested resource", {});
}
