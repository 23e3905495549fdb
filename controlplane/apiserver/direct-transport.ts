/**
 * The client for what runs inside the server: the same verbs, no sockets, no second parse. Objects come out of the API
 * server's cache, deep-frozen and shared.
 */
import type { DeleteOptions, Status } from "#api/generated/types.js";
import type { Draft, KubeList, KubeObject, WatchEvent } from "#api/object.js";
import { groupResource, type ResourceRef } from "#api/resource.js";
import { StatusError } from "#api/status-error.js";
import type {
  Client,
  ClientWatch,
  ListQuery,
  Patch,
  PatchQuery,
  WatchCallbacks,
  WatchQuery,
  WriteQuery,
} from "#client/client.js";
import { searchParams } from "#client/search-params.js";
import type { UserInfo } from "#resources/kind.js";
import type { ApiRequest, ApiResult, Verb } from "./request.js";
import { type ResourceTable, unknownResource } from "./resource-table.js";

export interface DirectOptions {
  readonly handle: (request: ApiRequest) => Promise<ApiResult>;
  readonly table: ResourceTable;
  readonly user: UserInfo;
  /** Field manager of its writes. */
  readonly userAgent: string;
}

type Target = Pick<ApiRequest, "namespace" | "name" | "subresource" | "object" | "contentType">;

/** Authorization is not asked again: the server itself chooses the user. */
export class DirectClient implements Client {
  constructor(private readonly options: DirectOptions) {}

  get<T extends KubeObject>(ref: ResourceRef<T>, name: string, namespace?: string): Promise<T> {
    return this.#call("get", ref, { name, namespace });
  }

  getSubresource<R>(ref: ResourceRef, name: string, namespace: string | undefined, subresource: string): Promise<R> {
    return this.#call("get", ref, { name, namespace, subresource });
  }

  list<T extends KubeObject>(ref: ResourceRef<T>, options: ListQuery = {}): Promise<KubeList<T>> {
    return this.#call("list", ref, { namespace: options.namespace }, searchParams(options));
  }

  create<T extends KubeObject>(ref: ResourceRef<T>, object: Draft<T>, options: WriteQuery = {}): Promise<T> {
    const { namespace } = object.metadata;
    return this.#call("create", ref, { namespace, object, subresource: options.subresource }, searchParams(options));
  }

  update<T extends KubeObject>(ref: ResourceRef<T>, object: T, options: WriteQuery = {}): Promise<T> {
    const { namespace, name } = object.metadata;
    return this.#call("update", ref, { namespace, name, object, ...options }, searchParams(options));
  }

  patch<T extends KubeObject>(ref: ResourceRef<T>, name: string, patch: Patch, options: PatchQuery = {}): Promise<T> {
    const { namespace, subresource } = options;
    const target = { namespace, name, subresource, object: patch.body, contentType: patch.type };
    return this.#call("patch", ref, target, searchParams(options));
  }

  delete<T extends KubeObject>(
    ref: ResourceRef<T>,
    name: string,
    namespace?: string,
    options?: DeleteOptions,
  ): Promise<T | Status> {
    return this.#call("delete", ref, { namespace, name, object: options });
  }

  async deleteCollection<T extends KubeObject>(
    ref: ResourceRef<T>,
    query: ListQuery,
    options?: DeleteOptions,
  ): Promise<void> {
    await this.#call("deletecollection", ref, { namespace: query.namespace, object: options }, searchParams(query));
  }

  createSubresource<R>(
    ref: ResourceRef,
    name: string,
    namespace: string | undefined,
    subresource: string,
    body: object,
  ): Promise<R> {
    return this.#call("create", ref, { namespace, name, subresource, object: body });
  }

  watch<T extends KubeObject>(ref: ResourceRef<T>, query: WatchQuery, handler: WatchCallbacks<T>): ClientWatch {
    const params = searchParams(query);
    params.set("watch", "true");
    params.set("allowWatchBookmarks", "true");
    const watch = new DirectWatch(handler);
    this.#request("watch", ref, { namespace: query.namespace }, params).then(
      (result) => {
        if ("start" in result) watch.follow(result.start(watch));
        else watch.fail(new Error(`a watch of ${groupResource(ref)} was answered with an object`));
      },
      (error: unknown) => watch.fail(error instanceof Error ? error : new Error(String(error))),
    );
    return watch;
  }

  async #call<R>(verb: Verb, ref: ResourceRef, target: Target, query = new URLSearchParams()): Promise<R> {
    const result = await this.#request(verb, ref, target, query);
    if ("start" in result) throw new Error(`${verb} of ${groupResource(ref)} was answered with a stream`);
    return result.object as R;
  }

  async #request(verb: Verb, ref: ResourceRef, target: Target, query: URLSearchParams): Promise<ApiResult> {
    const { handle, table, user, userAgent } = this.options;
    const { namespace, name, subresource, object, contentType = "application/json" } = target;
    const { kind } = table.find({ ...ref, namespace, name, subresource });
    if (!kind) throw unknownResource();
    return handle({
      verb,
      kind,
      namespace,
      name,
      subresource,
      object,
      contentType,
      query,
      user,
      userAgent,
      direct: true,
    });
  }
}

/** The receiving end of one watch; ends once, and never after `close`. */
class DirectWatch<T extends KubeObject> implements ClientWatch {
  #stop: (() => void) | undefined;
  #ended = false;

  constructor(private readonly handler: WatchCallbacks<T>) {}

  follow(stop: () => void): void {
    if (this.#ended) stop();
    else this.#stop = stop;
  }

  /** Never called on a direct request: frames are for sockets. */
  write(): boolean {
    throw new Error("a direct watch takes objects, not bytes");
  }

  writeEvents(events: readonly WatchEvent<KubeObject>[]): boolean {
    if (this.#ended) return true;
    const failed = events.find((event) => (event.type as string) === "ERROR");
    if (failed) this.fail(StatusError.fromStatus(failed.object as unknown as Status));
    else this.handler.onEvents(events as readonly WatchEvent<T>[]);
    return true;
  }

  end(): void {
    this.#finish(undefined);
  }

  fail(error: Error): void {
    this.#finish(error);
    this.#stop?.();
  }

  close(): void {
    this.#ended = true;
    this.#stop?.();
  }

  #finish(error: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.handler.onEnd(error);
  }
}
