/**
 * What every cluster has: the system namespaces and priority classes, the `kubernetes` Service through which Pods reach the API,
 * and `kube-dns`.
 */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import type {
  EndpointSlice,
  Endpoints,
  IngressClass,
  Namespace,
  PriorityClass,
  Service,
  StorageClass,
} from "#api/generated/types.js";
import type { Draft, KubeObject } from "#api/object.js";
import { SYSTEM_PRIORITY_CLASSES } from "#api/priority.js";
import {
  endpointSlices,
  endpoints,
  ingressClasses,
  namespaces,
  priorityClasses,
  serviceCIDRs,
  services,
  storageClasses,
} from "#api/refs.js";
import type { ResourceRef } from "#api/resource.js";
import { isAlreadyExists, isNotFound } from "#api/status-error.js";
import { IS_DEFAULT_CLASS, LOCAL_PROVISIONER } from "#api/storage.js";
import type { Client } from "#client/client.js";

export const SYSTEM_NAMESPACES = ["default", "kube-system", "kube-public", "kube-node-lease"] as const;

export interface ClusterAddress {
  /** Where this API server is reached. */
  readonly address: string;
  readonly port: number;
  /** The first address of the service range. */
  readonly serviceIP: string;
  readonly serviceCIDRs: readonly string[];
}

/** Makes what is missing and corrects what points elsewhere. Safe to run at any time. */
export async function ensureClusterObjects(client: Client, at: ClusterAddress): Promise<void> {
  for (const name of SYSTEM_NAMESPACES) await ensureNamespace(client, name);
  for (const [name, value] of Object.entries(SYSTEM_PRIORITY_CLASSES)) await ensurePriorityClass(client, name, value);
  await ensureServiceRange(client, at.serviceCIDRs);
  await ensure(client, services, kubernetesService(at), ({ spec }) => spec?.ports);
  // As upstream, an endpoint is never a loopback address: it would mean each Pod itself.
  if (ipaddr.parse(at.address).range() === "loopback") return;
  await ensure(client, endpoints, kubernetesEndpoints(at), ({ subsets }) => subsets);
  await ensure(client, endpointSlices, kubernetesSlice(at), (slice) => [slice.endpoints, slice.ports]);
}

/**
 * The Service by whose address Pods know the cluster's DNS. Agents answer at that address themselves, each for its node: it
 * has no endpoints, and no proxy is to translate it.
 * @throws Error when another Service has the address
 */
export function ensureDnsService(client: Client, clusterIP: string): Promise<void> {
  const wanted: Draft<Service> = {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: "kube-dns",
      namespace: "kube-system",
      labels: {
        "k8s-app": "kube-dns",
        "kubernetes.io/cluster-service": "true",
        "service.kubernetes.io/service-proxy-name": "berth-dns",
      },
    },
    spec: {
      type: "ClusterIP",
      clusterIP,
      clusterIPs: [clusterIP],
      ports: [
        { name: "dns", protocol: "UDP", port: 53, targetPort: 53 },
        { name: "dns-tcp", protocol: "TCP", port: 53, targetPort: 53 },
      ],
      sessionAffinity: "None",
    },
  };
  return ensure(client, services, wanted, ({ spec }) => spec?.ports);
}

const OURS = { "app.kubernetes.io/managed-by": "berth" };

/** The class that claims get when they name none. Who deletes it has it again after the server's next start. */
export async function ensureStorageClass(client: Client): Promise<void> {
  const draft: Draft<StorageClass> = {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "local-path", labels: OURS, annotations: { [IS_DEFAULT_CLASS]: "true" } },
    provisioner: LOCAL_PROVISIONER,
    volumeBindingMode: "WaitForFirstConsumer",
    reclaimPolicy: "Delete",
  };
  await client.create(storageClasses, draft).catch(unlessThere);
}

/** The class that Ingresses get when they name none. Once made it may be changed; unwanted it goes, and its proxies with it. */
export async function ensureIngressClass(client: Client, wanted: boolean): Promise<void> {
  const name = "nginx";
  const found = await client.get(ingressClasses, name).catch((error) => {
    if (!isNotFound(error)) throw error;
  });
  if (wanted && !found) {
    const annotations = { "ingressclass.kubernetes.io/is-default-class": "true" };
    const draft: Draft<IngressClass> = {
      apiVersion: "networking.k8s.io/v1",
      kind: "IngressClass",
      metadata: { name, labels: OURS, annotations },
      spec: { controller: "berth.dev/nginx" },
    };
    await client.create(ingressClasses, draft).catch(unlessThere);
  }
  const ours = Object.entries(OURS).every(([key, value]) => found?.metadata.labels?.[key] === value);
  if (!wanted && ours) await client.delete(ingressClasses, name);
}

async function ensurePriorityClass(client: Client, name: string, value: number): Promise<void> {
  const where = name === "system-node-critical" ? "on the node they are on" : "in the cluster, on whichever node";
  const wanted: Draft<PriorityClass> = {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name },
    value,
    description: `For system Pods that must run ${where}.`,
  };
  await ensure(client, priorityClasses, wanted, (found) => found.value);
}

async function ensureNamespace(client: Client, name: string): Promise<void> {
  try {
    await client.get(namespaces, name);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    const draft: Draft<Namespace> = { apiVersion: "v1", kind: "Namespace", metadata: { name }, spec: {} };
    await client.create(namespaces, draft).catch(unlessThere);
  }
}

/** The range ClusterIPs are taken from, as an object to look at: it says so, and decides nothing. */
async function ensureServiceRange(client: Client, cidrs: readonly string[]): Promise<void> {
  const metadata = { name: "kubernetes" };
  await ensure(client, serviceCIDRs, { metadata, spec: { cidrs: [...cidrs] } }, () => undefined);
  const found = await client.get(serviceCIDRs, metadata.name);
  if (found.status?.conditions?.some(({ type }) => type === "Ready")) return;
  const condition = {
    type: "Ready",
    status: "True",
    reason: "",
    message: "Kubernetes default Service CIDR is ready",
    lastTransitionTime: found.metadata.creationTimestamp,
  };
  const patch = { type: "application/merge-patch+json", body: { status: { conditions: [condition] } } } as const;
  await client.patch(serviceCIDRs, metadata.name, patch, { subresource: "status" });
}

/** @param part what has to be as in `wanted`, where `wanted` says something */
async function ensure<T extends KubeObject>(
  client: Client,
  ref: ResourceRef<T>,
  wanted: Draft<T>,
  part: (object: Draft<T>) => unknown,
): Promise<void> {
  const { name = "", namespace } = wanted.metadata;
  try {
    const found = await client.get(ref, name, namespace);
    if (covers(part(found), part(wanted))) return;
    const { metadata } = found;
    await client.update(ref, { ...wanted, metadata } as T);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await client.create(ref, wanted).catch(unlessThere);
  }
}

/** True when `found` says everything that `wanted` says; it may say more (defaults). */
function covers(found: unknown, wanted: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null) return found === wanted;
  if (typeof found !== "object" || found === null) return false;
  if (Array.isArray(wanted) && wanted.length !== (found as unknown[]).length) return false;
  return Object.entries(wanted).every(([key, value]) => covers((found as Record<string, unknown>)[key], value));
}

/** For the creation of what every cluster has: another server may have been quicker. */
export function unlessThere(error: unknown): void {
  if (!isAlreadyExists(error)) throw error;
}

const metadata = (labels: Record<string, string>) => ({ name: "kubernetes", namespace: "default", labels });

function kubernetesService({ port, serviceIP }: ClusterAddress): Draft<Service> {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata({ component: "apiserver", provider: "kubernetes" }),
    spec: {
      type: "ClusterIP",
      clusterIP: serviceIP,
      clusterIPs: [serviceIP],
      ports: [{ name: "https", protocol: "TCP", port: 443, targetPort: port }],
      sessionAffinity: "None",
    },
  };
}

function kubernetesEndpoints({ address, port }: ClusterAddress): Draft<Endpoints> {
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: metadata({ "endpointslice.kubernetes.io/skip-mirror": "true" }),
    subsets: [{ addresses: [{ ip: address }], ports: [{ name: "https", port, protocol: "TCP" }] }],
  };
}

function kubernetesSlice({ address, port }: ClusterAddress): Draft<EndpointSlice> {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: metadata({ "kubernetes.io/service-name": "kubernetes" }),
    addressType: isIP(address) === 6 ? "IPv6" : "IPv4",
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: "https", port, protocol: "TCP" }],
  };
}
