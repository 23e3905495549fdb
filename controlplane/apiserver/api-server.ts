/** Puts the API server together: the chain, the routes and the verbs, behind one TLS port. */
import type { Logger } from "pino";
import { rulesOf } from "#api/rbac.js";
import type { Client } from "#client/client.js";
import type { ClusterConfig, Kind, UserInfo } from "#resources/kind.js";
import { type Credentials, tokenUser } from "./authn/identify.js";
import type { ServiceAccountTokens } from "./authn/service-account-token.js";
import { anyOf, rbac } from "./authz/rbac.js";
import { staticPolicy } from "./authz/static-policy.js";
import type { ClusterReader } from "./cluster-reader.js";
import { DirectClient } from "./direct-transport.js";
import {
  type DiscoveredVersion,
  groupVersions,
  type RoutedSubresource,
  servedResources,
} from "./discovery/group-versions.js";
import { addIndex } from "./discovery/index-route.js";
import { addOpenApi, type OpenApiSource } from "./discovery/openapi-routes.js";
import { addDiscovery } from "./discovery/routes.js";
import { addHealth, type HealthCheck } from "./health.js";
import { type HttpsServer, listen } from "./http/https-server.js";
import { RequestHandler, type SubresourceRoute } from "./http/request-handler.js";
import { upgradeHandler } from "./http/upgrade-handler.js";
import { addJoin } from "./join/routes.js";
import { KubeletConnections } from "./kubelet/kubelet-connection.js";
import { podLogSocket } from "./kubelet/log-socket.js";
import { podLogRoute } from "./kubelet/pod-log.js";
import { podStreamRoute } from "./kubelet/pod-stream.js";
import { InflightLimit } from "./limit.js";
import { RequestMetrics } from "./metrics.js";
import type { ClusterPki } from "./pki/cluster-pki.js";
import { proxyRoutes } from "./proxy/resource-proxy.js";
import { jsonReply } from "./reply.js";
import type { ApiRequest, ApiResult } from "./request.js";
import { RequestChain } from "./request-chain.js";
import { ResourceTable } from "./resource-table.js";
import { reviewResources } from "./reviews/reviews.js";
import { Routes } from "./routes.js";
import { versionInfo } from "./version.js";

export interface ApiServerOptions {
  readonly bindAddress: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Where nodes and Pods reach this server. */
  readonly advertiseAddress: string;
  readonly pki: ClusterPki;
  readonly tokens: ServiceAccountTokens;
  readonly issuer: string;
  readonly kinds: readonly Kind[];
  readonly handle: (request: ApiRequest) => Promise<ApiResult>;
  readonly reader: ClusterReader;
  readonly cluster: ClusterConfig;
  readonly openApi?: OpenApiSource;
  readonly healthChecks: readonly HealthCheck[];
  /** Seconds. */
  readonly bookmarkInterval: number;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  now(): number;
}

export interface ApiServer {
  readonly https: HttpsServer;
  /** A client for what runs in this process. */
  client(user: UserInfo, userAgent: string): Client;
  close(): Promise<void>;
}

const proxySubresource = (plural: string, kind: string): RoutedSubresource => ({
  ...{ group: "", plural, name: "proxy" },
  responseKind: { group: "", version: "v1", kind },
  verbs: ["create", "delete", "get", "patch", "update"],
});
const POD = { group: "", version: "v1", plural: "pods" } as const;
/** Served by the shell, not by the verbs. */
const ROUTED: readonly RoutedSubresource[] = [
  { ...POD, name: "log", responseKind: { group: "", version: "v1", kind: "Pod" }, verbs: ["get"] },
  {
    ...POD,
    name: "exec",
    responseKind: { group: "", version: "v1", kind: "PodExecOptions" },
    verbs: ["create", "get"],
  },
  proxySubresource("pods", "PodProxyOptions"),
  proxySubresource("services", "ServiceProxyOptions"),
  proxySubresource("nodes", "NodeProxyOptions"),
  {
    ...POD,
    name: "attach",
    responseKind: { group: "", version: "v1", kind: "PodAttachOptions" },
    verbs: ["create", "get"],
  },
  {
    ...POD,
    name: "portforward",
    responseKind: { group: "", version: "v1", kind: "PodPortForwardOptions" },
    verbs: ["create", "get"],
  },
];

export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { pki, reader, tokens, logger, handle, now } = options;
  const credentials: Credentials = { reader, tokens, now };
  const authorize = anyOf(staticPolicy(reader), rbac(reader));
  const reviews = reviewResources({
    authorize,
    rulesOf: (user, namespace) => [...rulesOf(user, namespace, reader)].map(({ rule }) => rule),
    issuer: options.issuer,
    now,
    tokenUser: (token, audience) => tokenUser(credentials, token, audience === options.issuer ? undefined : audience),
  });
  const table = new ResourceTable(options.kinds, reviews);
  const versions = groupVersions(table, ROUTED);
  const metrics = new RequestMetrics(servedResources(versions));
  const chain = new RequestChain({ credentials, authorize, metrics, logger });
  const kubelets = new KubeletConnections(pki.kubeletClient, pki.authority.certificate);
  const subresources = new Map<string, SubresourceRoute>([["pods/log", podLogRoute(reader, kubelets)]]);
  const proxy = proxyRoutes({ reader, kubelets });
  const streams = new Map([
    ["pods/exec", podStreamRoute("exec", reader, kubelets)],
    ["pods/attach", podStreamRoute("attach", reader, kubelets)],
    ["pods/portforward", podStreamRoute("portForward", reader, kubelets)],
    ["pods/log", podLogSocket(reader, kubelets)],
    ...proxy.streams,
  ]);
  const limit = new InflightLimit();
  const { bookmarkInterval } = options;
  const routes = ownRoutes(options, versions, metrics);
  const handler = new RequestHandler({
    ...{ chain, limit, metrics, reader, table, routes, subresources, handle, bookmarkInterval, logger },
    raw: proxy.requests,
  });
  const https = await listen(
    {
      serving: pki.serving,
      clientAuthority: pki.authority.certificate,
      serve: (request, response) => handler.serve(request, response),
      upgrade: upgradeHandler({ chain, table, streams, logger }),
    },
    options.bindAddress,
    options.port,
  );
  return {
    https,
    client: (user, userAgent) => new DirectClient({ handle, table, user, userAgent }),
    close: async () => {
      await https.close();
      kubelets.close();
    },
  };
}

function ownRoutes(options: ApiServerOptions, versions: readonly DiscoveredVersion[], metrics: RequestMetrics): Routes {
  const { reader, cluster, logger, now, pki } = options;
  const routes = new Routes();
  const host = options.advertiseAddress.includes(":") ? `[${options.advertiseAddress}]` : options.advertiseAddress;
  addDiscovery(routes, versions, `${host}:${options.port}`);
  addHealth(routes, options.healthChecks, logger);
  addJoin(routes, { reader, authority: pki.authority, cluster, now });
  if (options.openApi) addOpenApi(routes, options.openApi);
  routes.add("get", "/version", () => jsonReply(versionInfo()));
  routes.add("get", "/metrics", () => metrics.reply());
  addIndex(routes);
  return routes;
}
