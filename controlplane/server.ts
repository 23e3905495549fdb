/**
 * The control plane in one process: store, API server, controllers and scheduler. Everything here can be killed at any
 * instruction; starting again takes up what the store holds.
 */

import type { Server as Listener } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import { openApiSource } from "#api/openapi.js";
import { nodeMetrics, podMetrics, pods } from "#api/refs.js";
import { type ApiServer, startApiServer } from "#apiserver/api-server.js";
import { MASTERS } from "#apiserver/authn/groups.js";
import { ServiceAccountTokens } from "#apiserver/authn/service-account-token.js";
import type { HealthCheck } from "#apiserver/health.js";
import { KubeletConnections } from "#apiserver/kubelet/kubelet-connection.js";
import { type ClusterPki, openPki } from "#apiserver/pki/cluster-pki.js";
import { adminKubeconfig } from "#apiserver/pki/kubeconfig.js";
import { makeSecretFolder, writeSecretFile } from "#apiserver/pki/secret-file.js";
import { openResources, type ResourceHandler } from "#apiserver/resource-handler.js";
import { ResourceUsage } from "#apiserver/resource-metrics/resource-usage.js";
import type { Client } from "#client/client.js";
import { systemClock } from "#client/clock.js";
import { kinds } from "#resources/index.js";
import type { ClusterConfig, TokenOrder } from "#resources/kind.js";
import type { Backend } from "#storage/backend.js";
import { startCompactor } from "#storage/compactor.js";
import { openLmdb } from "#storage/lmdb.js";
import { ensureClusterObjects, ensureDnsService, ensureIngressClass, ensureStorageClass } from "./cluster-objects.js";
import { firstServiceAddress } from "./cluster-ranges.js";
import { ensureClusterRoles } from "./cluster-roles.js";
import { startControllers } from "./controllers/index.js";
import type { ProxyOptions } from "./controllers/ingress/proxy-pod.js";
import { hostAddresses } from "./host-addresses.js";
import { startScheduler } from "./scheduler/index.js";

export interface ServerOptions {
  /** The cluster's data; the server keeps its part in `<dataDir>/server`. */
  readonly dataDir: string;
  readonly bindAddress: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Where nodes and Pods reach this server. */
  readonly advertiseAddress: string;
  /** Further names and addresses for the server's certificate. */
  readonly tlsSans: readonly string[];
  readonly cluster: ClusterConfig;
  /** How Ingresses are served; absent: not by Berth. */
  readonly ingress?: ProxyOptions;
  /** Seconds. */
  readonly bookmarkInterval: number;
  /** Seconds between two measurements of what nodes and Pods use, while somebody asks. Default 15. */
  readonly metricResolution?: number;
  /** How often HorizontalPodAutoscalers look at what they scale, seconds. Default 15. */
  readonly autoscalerSync?: number;
  readonly logger: Logger;
  /** Told what is being done, for a person to read. */
  progress?(step: string): void;
}

export interface RunningServer {
  readonly port: number;
  readonly kubeconfig: string;
  /** Serves the API also on a listener that is open already. */
  adopt(listener: Listener): void;
  readonly pki: ClusterPki;
  /** A client with full rights inside this process. */
  readonly admin: Client;
  stop(): Promise<void>;
}

const CORRECTION_MS = 60_000;

export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { logger, cluster, progress = () => undefined } = options;
  const folder = join(options.dataDir, "server");
  makeSecretFolder(folder);
  progress("certificates");
  const pki = await openPki(join(folder, "pki"), servingNames(options), Date.now());
  progress("store");
  const backend = openLmdb(join(folder, "store"));
  const tokens = new ServiceAccountTokens(pki.serviceAccountKey, issuerOf(cluster));
  const resources = await openResources({
    backend,
    kinds,
    cluster,
    bookmarkMs: options.bookmarkInterval * 1000,
    onError: (error) => logger.error({ err: error }, "work on the store failed, it is tried again"),
    issueToken: (order) => tokens.issue(order, Date.now(), nodeOf(order)),
  });
  const nodeOf = ({ boundObject, namespace }: TokenOrder) =>
    boundObject?.kind === "Pod" ? resources.reader.get(pods, boundObject.name, namespace)?.spec.nodeName : undefined;
  const usage = startUsage(resources, pki, options);
  const readiness = { ready: false };
  progress("API server");
  const api = await startApiServer({
    ...options,
    pki,
    tokens,
    issuer: issuerOf(cluster),
    kinds,
    handle: (request) => resources.handle(request),
    reader: resources.reader,
    openApi: openApiSource,
    healthChecks: healthChecks(backend, resources, readiness),
    now: Date.now,
  });
  const kubeconfig = join(folder, "admin.kubeconfig");
  writeSecretFile(kubeconfig, adminKubeconfig(pki, localUrl(options.bindAddress, api.https.port)));
  const parts = await startParts(api, options, pki.authority.certificate);
  readiness.ready = true;
  const compactor = startCompactor(backend, {
    onError: (error) => logger.error({ err: error }, "cannot compact the store"),
  });
  return {
    port: api.https.port,
    kubeconfig,
    adopt: (listener) => api.https.adopt(listener),
    pki,
    admin: api.client({ name: "berth-admin", groups: [MASTERS] }, "berth"),
    async stop() {
      readiness.ready = false;
      compactor.stop();
      await parts.stop();
      usage.stop();
      resources.close();
      await api.close();
      await backend.close();
    },
  };
}

/** What nodes and Pods use, as the metrics API serves it. */
function startUsage(resources: ResourceHandler, pki: ClusterPki, { metricResolution = 15, logger }: ServerOptions) {
  const usage = new ResourceUsage({
    reader: resources.reader,
    kubelets: new KubeletConnections(pki.kubeletClient, pki.authority.certificate),
    resolution: metricResolution * 1000,
    clock: systemClock,
    logger,
  });
  resources.compute(nodeMetrics, usage.ofNodes);
  resources.compute(podMetrics, usage.ofPods);
  return usage;
}

/** What works on the objects: the cluster's own ones first, then controllers and scheduler. */
async function startParts(
  api: ApiServer,
  { cluster, ingress, logger, advertiseAddress, autoscalerSync }: ServerOptions,
  rootCertificate: string,
) {
  const system = api.client({ name: "system:apiserver", groups: [MASTERS] }, "kube-apiserver");
  const address = {
    address: advertiseAddress,
    port: api.https.port,
    serviceIP: firstServiceAddress(cluster),
    serviceCIDRs: cluster.serviceCIDRs,
  };
  const correct = async () => {
    await ensureClusterObjects(system, address);
    // Names are answered without it: a Service that has its address already keeps no server from starting.
    await ensureDnsService(system, cluster.clusterDNS).catch((error) =>
      logger.warn({ err: error }, "no Service kube-dns"),
    );
    await ensureIngressClass(system, ingress !== undefined);
  };
  await correct();
  await ensureStorageClass(system);
  await ensureClusterRoles(system);
  const timer = setInterval(() => {
    correct().catch((error) => logger.warn({ err: error }, "cannot correct system objects"));
  }, CORRECTION_MS);
  const clientOf = (name: string) => api.client({ name: `system:${name}`, groups: [MASTERS] }, name);
  const controllers = startControllers({
    client: clientOf("kube-controller-manager"),
    logger,
    cluster,
    resources: kinds,
    ingress,
    autoscalerSync,
    rootCertificate,
  });
  const scheduler = startScheduler({ client: clientOf("kube-scheduler"), logger });
  await Promise.all([controllers.ready, scheduler.ready]);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all([controllers.stop(), scheduler.stop()]);
    },
  };
}

function servingNames({ tlsSans, cluster, advertiseAddress }: ServerOptions): string[] {
  const service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];
  const names = ["localhost", "127.0.0.1", "::1", hostname(), ...service, `${service[2]}.${cluster.clusterDomain}`];
  return [...new Set([...names, firstServiceAddress(cluster), advertiseAddress, ...hostAddresses(), ...tlsSans])];
}

const issuerOf = ({ clusterDomain }: ClusterConfig) => `https://kubernetes.default.svc.${clusterDomain}`;

/** How this host reaches the server. */
function localUrl(bindAddress: string, port: number): string {
  const any = bindAddress === "0.0.0.0" || bindAddress === "::";
  const host = any ? "127.0.0.1" : bindAddress;
  return `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function healthChecks(backend: Backend, resources: ResourceHandler, readiness: { ready: boolean }): HealthCheck[] {
  return [
    { name: "etcd", check: async () => void (await backend.currentRevision()) },
    { name: "watch-cache", only: "readyz", check: () => resources.check() },
    {
      name: "poststarthook",
      only: "readyz",
      check: () => {
        if (!readiness.ready) throw new Error("the server is starting or stopping");
      },
    },
  ];
}
