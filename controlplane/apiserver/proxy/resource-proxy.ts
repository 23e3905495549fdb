/** The `proxy` subresource of Pods, Services and Nodes: any method and any path below it goes on to what the name means. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { StreamRoute } from "../kubelet/pod-stream.js";
import type { RequestInfo, ResourceInfo } from "../request-info.js";
import { forward, type ProxyPath } from "./forward.js";
import { nodeTargets } from "./node-target.js";
import { podTargets } from "./pod-target.js";
import { serviceTargets } from "./service-target.js";
import type { FindTarget, TargetSources } from "./target.js";
import { forwardUpgrade } from "./upgrade.js";

/** Answers a request by itself, body and all. @returns the HTTP status. @throws StatusError before anything is sent */
export type RawRoute = (exchange: RawExchange) => Promise<number>;

export interface RawExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly info: RequestInfo;
  readonly resource: ResourceInfo;
}

export interface ProxyRoutes {
  /** By "plural/subresource". */
  readonly requests: ReadonlyMap<string, RawRoute>;
  readonly streams: ReadonlyMap<string, StreamRoute>;
}

export function proxyRoutes(sources: TargetSources): ProxyRoutes {
  const finders: readonly [string, FindTarget][] = [
    ["pods/proxy", podTargets(sources)],
    ["services/proxy", serviceTargets(sources, Math.random)],
    ["nodes/proxy", nodeTargets(sources)],
  ];
  return {
    requests: new Map(finders.map(([key, find]) => [key, requestRoute(find)])),
    streams: new Map(finders.map(([key, find]) => [key, streamRoute(find)])),
  };
}

function requestRoute(find: FindTarget): RawRoute {
  return async ({ request, response, info, resource }) =>
    forward(find(resource), proxyPath(request.url ?? "/", info, resource), request, response);
}

function streamRoute(find: FindTarget): StreamRoute {
  return async ({ request, socket, head, info, resource }) =>
    forwardUpgrade(find(resource), proxyPath(request.url ?? "/", info, resource), request, socket, head);
}

// "/api/v1/nodes/NAME/proxy", "/api/v1/namespaces/NAMESPACE/pods/NAME/proxy"
function proxyPath(url: string, { path }: RequestInfo, { namespace }: ResourceInfo): ProxyPath {
  const prefix = path
    .split("/")
    .slice(0, namespace === undefined ? 6 : 8)
    .join("/");
  return { prefix, rest: url.slice(prefix.length) };
}
