/** One request from the Express adapter to its answer: chain, body, then a resource's verbs or a route of our own. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import type { Logger } from "pino";
import { decodeProtobuf, PROTOBUF_TYPE } from "#api/protobuf/decode-protobuf.js";
import { badRequest, methodNotAllowed } from "#api/status-error.js";
import { BOOKMARK_INTERVAL_HEADER } from "#client/rest-watch.js";
import type { UserInfo } from "#resources/kind.js";
import { restrictNode } from "../authz/node-restriction.js";
import type { ClusterReader } from "../cluster-reader.js";
import type { InflightLimit } from "../limit.js";
import type { RequestMetrics } from "../metrics.js";
import { negotiate } from "../negotiate.js";
import type { RawRoute } from "../proxy/resource-proxy.js";
import { renderValue } from "../render.js";
import type { AnyReply, RouteRequest } from "../reply.js";
import type { ApiRequest, ApiResult, Verb } from "../request.js";
import type { RequestChain } from "../request-chain.js";
import { type RequestInfo, type ResourceInfo, requestInfo } from "../request-info.js";
import { type ResourceTable, unknownResource } from "../resource-table.js";
import type { Routes } from "../routes.js";
import { ClientGone, readBody } from "./read-body.js";
import { errorReply, writeReply } from "./write-reply.js";

/** Answers one subresource in the verbs' stead: pods/log, serviceaccounts/token. Throws StatusError. */
export type SubresourceRoute = (request: RouteRequest & { resource: ResourceInfo }) => AnyReply | Promise<AnyReply>;

export interface RequestHandlerOptions {
  readonly chain: RequestChain;
  readonly limit: InflightLimit;
  readonly reader: ClusterReader;
  readonly metrics: RequestMetrics;
  readonly table: ResourceTable;
  readonly routes: Routes;
  /** By "plural/subresource" or "plural.group/subresource". */
  readonly subresources: ReadonlyMap<string, SubresourceRoute>;
  /** Those that are no objects but somebody else's web pages; by the same names. */
  readonly raw: ReadonlyMap<string, RawRoute>;
  /** The verbs: `resource-handler.ts`. */
  readonly handle: (request: ApiRequest) => Promise<ApiResult>;
  /** Seconds between the bookmarks of a watch; told to clients, who drop a watch silent for twice that. */
  readonly bookmarkInterval: number;
  readonly logger: Logger;
}

const WITH_BODY = new Set(["POST", "PUT", "PATCH", "DELETE"]);
const METHODS = new Set(["GET", "HEAD", ...WITH_BODY]);
const DISCARD_LIMIT = 32 * 1024 * 1024;

export class RequestHandler {
  readonly #streamHeaders: readonly string[];

  constructor(private readonly options: RequestHandlerOptions) {
    this.#streamHeaders = [BOOKMARK_INTERVAL_HEADER, String(options.bookmarkInterval)];
  }

  /** Never rejects: whatever goes wrong becomes a Status. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const started = performance.now();
    const info = requestInfo(request.method ?? "GET", request.url ?? "/");
    let user: UserInfo | undefined;
    let leave: (() => void) | undefined;
    let status: number;
    try {
      user = await this.options.chain.admit(request.socket as TLSSocket, request.headers, info);
      leave = this.options.limit.enter(info.verb, isLong(info));
      const { resource } = info;
      const raw = resource && this.options.raw.get(subresourceKey(resource));
      if (raw) {
        this.options.table.find(resource);
        status = await raw({ request, response, info, resource });
      } else status = this.#write(response, await this.#answer(request, info, user));
    } catch (error) {
      if (error instanceof ClientGone) {
        response.destroy();
        status = 499;
      } else {
        status = writeReply(response, errorReply(error, this.options.logger, info.path));
        if (!request.complete) discardBody(request);
      }
    } finally {
      leave?.();
    }
    this.options.chain.audit(info, user, status, (performance.now() - started) / 1000);
  }

  #write(response: ServerResponse, reply: AnyReply): number {
    const status = writeReply(response, reply, this.#streamHeaders);
    if ("start" in reply) this.#countStream(response);
    return status;
  }

  async #answer(request: IncomingMessage, info: RequestInfo, user: UserInfo): Promise<AnyReply> {
    const { body, contentType } = await decodedBody(request);
    const { resource } = info;
    if (!resource) return this.options.routes.find(info)({ info, user, headers: request.headers, body });
    const entry = this.options.table.find(resource);
    if (!METHODS.has(request.method!)) throw methodNotAllowed();
    if (entry.virtual) {
      if (info.verb !== "create" || resource.name !== undefined) throw methodNotAllowed();
      const { query, verb } = info;
      const { accept } = request.headers;
      const userAgent = product(request.headers["user-agent"]);
      const representation = negotiate({ verb, query, accept, userAgent }, true);
      const answer = await entry.virtual.create(parseObject(body), user, resource.namespace);
      return renderValue(answer, { representation }, 201);
    }
    if (resource.subresource !== undefined) {
      const route = this.options.subresources.get(subresourceKey(resource));
      if (route) return route({ info, resource, user, headers: request.headers, body });
      if (resource.rest !== undefined) throw unknownResource();
    }
    checkShape(info, resource, entry.kind.namespaced);
    restrictNode(user, info, body, this.options.reader);
    return this.options.handle({
      verb: info.verb as Verb,
      kind: entry.kind,
      namespace: resource.namespace,
      name: resource.name,
      subresource: resource.subresource,
      query: info.query,
      user,
      userAgent: product(request.headers["user-agent"]),
      accept: request.headers.accept,
      contentType,
      body,
    });
  }

  #countStream(response: ServerResponse): void {
    this.options.metrics.streams++;
    response.on("close", () => {
      this.options.metrics.streams--;
    });
  }
}

/** Whatever came as protobuf goes on as JSON: from here on there is one form. */
async function decodedBody(request: IncomingMessage): Promise<{ body?: Buffer; contentType?: string }> {
  if (!WITH_BODY.has(request.method!)) return {};
  const body = await readBody(request);
  const contentType = request.headers["content-type"];
  if (!body || !contentType?.startsWith(PROTOBUF_TYPE)) return { body, contentType };
  return { body: Buffer.from(JSON.stringify(decodeProtobuf(body))), contentType: "application/json" };
}

export function subresourceKey({ group, plural, subresource }: ResourceInfo): string {
  return group ? `${plural}.${group}/${subresource}` : `${plural}/${subresource}`;
}

/** Which methods an address takes: a collection is posted to, an object is not; across namespaces one only looks. */
function checkShape({ verb }: RequestInfo, resource: ResourceInfo, namespaced: boolean): void {
  const { name, subresource, namespace } = resource;
  if (verb === "create" && name !== undefined && subresource === undefined) throw methodNotAllowed();
  if ((verb === "update" || verb === "patch") && name === undefined) throw methodNotAllowed();
  if (namespaced && namespace === undefined && verb !== "list" && verb !== "watch") throw methodNotAllowed();
}

function isLong(info: RequestInfo): boolean {
  const { subresource } = info.resource ?? {};
  return info.verb === "watch" || subresource === "log" || subresource === "proxy";
}

/** "kubectl" of "kubectl/v1.35.0 (linux/amd64) kubernetes/...". */
function product(userAgent: string | undefined): string {
  if (!userAgent) return "unknown";
  const end = userAgent.search(/[/ ]/);
  return end > 0 ? userAgent.slice(0, end) : userAgent;
}

function parseObject(body: Buffer | undefined): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(body?.toString("utf8") ?? "");
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>;
  } catch {
    // Said below, as for JSON that is no object.
  }
  throw badRequest("the body of the request is not a JSON object");
}

/**
 * Lets a client that is still sending read the answer: cutting it off at once would reset the connection under it, and
 * Go's client would tell of a broken pipe instead of the limit. What is not too much is read to its end, and the
 * connection lives on.
 */
function discardBody(request: IncomingMessage): void {
  let size = 0;
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > DISCARD_LIMIT) request.destroy();
  });
  request.on("error", () => request.destroy());
  request.resume();
}
