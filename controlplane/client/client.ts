/**
 * The one way to talk to the API. Two transports implement it: `rest.ts` (HTTPS through axios) and the API server's
 * direct transport (same request chain, no sockets). Objects handed out may be deep-frozen and shared: copy before changing.
 */
import type { DeleteOptions, Status } from "#api/generated/types.js";
import type { Draft, KubeList, KubeObject, WatchEvent } from "#api/object.js";
import type { ResourceRef } from "#api/resource.js";

export interface Client {
  /** @throws StatusError (NotFound, Forbidden, ...), as every method does */
  get<T extends KubeObject>(ref: ResourceRef<T>, name: string, namespace?: string): Promise<T>;
  /** A subresource that is an object of its own: the Scale of a Deployment. */
  getSubresource<R>(ref: ResourceRef, name: string, namespace: string | undefined, subresource: string): Promise<R>;
  list<T extends KubeObject>(ref: ResourceRef<T>, options?: ListQuery): Promise<KubeList<T>>;
  create<T extends KubeObject>(ref: ResourceRef<T>, object: Draft<T>, options?: WriteQuery): Promise<T>;
  /** Replaces the object (or the named subresource of it); a resourceVersion in the object makes it optimistic. */
  update<T extends KubeObject>(ref: ResourceRef<T>, object: T, options?: WriteQuery): Promise<T>;
  patch<T extends KubeObject>(ref: ResourceRef<T>, name: string, patch: Patch, options?: PatchQuery): Promise<T>;
  /** Resolves with the object when it lives on (finalizers, grace), else with a Success Status. */
  delete<T extends KubeObject>(
    ref: ResourceRef<T>,
    name: string,
    namespace?: string,
    options?: DeleteOptions,
  ): Promise<T | Status>;
  deleteCollection<T extends KubeObject>(ref: ResourceRef<T>, query: ListQuery, options?: DeleteOptions): Promise<void>;
  /** POST to a subresource whose body is of another kind: pods/binding, serviceaccounts/token. */
  createSubresource<R>(
    ref: ResourceRef,
    name: string,
    namespace: string | undefined,
    subresource: string,
    body: object,
  ): Promise<R>;
  /**
   * Changes after `resourceVersion`, in order, until the returned watch is closed or `onEnd` is called (once, also on a
   * clean end by the server; not after `close`). A 410 reaches `onEnd` as a StatusError for which `isGone` holds.
   */
  watch<T extends KubeObject>(ref: ResourceRef<T>, query: WatchQuery, handler: WatchCallbacks<T>): ClientWatch;
}

export interface ListQuery {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
}

export interface WatchQuery extends Omit<ListQuery, "limit" | "continue"> {
  resourceVersion: string;
}

export interface WatchCallbacks<T extends KubeObject> {
  /** Events that arrived together. BOOKMARKs are included: they move the resourceVersion on. */
  onEvents(events: readonly WatchEvent<T>[]): void;
  onEnd(error?: Error): void;
}

export interface ClientWatch {
  close(): void;
}

export interface WriteQuery {
  subresource?: string;
  fieldManager?: string;
  dryRun?: boolean;
  /** Milliseconds to wait for the answer, for a call that is worth less later. Only over HTTPS. */
  timeout?: number;
}

export interface PatchQuery extends WriteQuery {
  namespace?: string;
  /** Of an apply: takes fields from other managers. */
  force?: boolean;
}

export type Patch =
  | { type: "application/json-patch+json"; body: readonly object[] }
  | { type: "application/merge-patch+json" | "application/strategic-merge-patch+json"; body: object }
  | { type: "application/apply-patch+yaml"; body: object };
