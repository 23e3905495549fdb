/** What a Service asks of the proxy: its addresses and node ports, and who answers there. Pure. */
import type { Endpoint, EndpointSlice, Service, ServicePort } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";

/** One address and port, or one node port, that clients connect to. */
export interface Frontend {
  kind: "address" | "nodePort";
  family: 4 | 6;
  /** Only for kind "address". */
  ip?: string;
  protocol: "tcp" | "udp" | "sctp";
  port: number;
  /** No two alike. */
  backends: readonly Backend[];
  /** Clients from elsewhere must see their answer come from this node. */
  masquerade: boolean;
  /** Without a backend: refused at once, or dropped because another node may answer. */
  whenEmpty: "reject" | "drop";
  /** A client stays with its backend for so long after its last connection. */
  affinitySeconds?: number;
}

export interface Backend {
  ip: string;
  port: number;
  /** On this node: it may reach itself through the service. */
  local: boolean;
}

const PROXY_NAME = "service.kubernetes.io/service-proxy-name";

/**
 * @param slices all of the service's
 * @returns nothing for a service that is not ours to serve: headless, ExternalName, another proxy's
 */
export function frontendsOf(service: Service, slices: readonly EndpointSlice[], nodeName: string): Frontend[] {
  const { spec, metadata } = service;
  if (spec.type === "ExternalName" || metadata.labels?.[PROXY_NAME] !== undefined) return [];
  const clusterIPs = (spec.clusterIPs ?? [spec.clusterIP]).filter((ip): ip is string => !!ip && ip !== "None");
  const affinitySeconds =
    spec.sessionAffinity === "ClientIP" ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800) : undefined;
  return clusterIPs.flatMap((clusterIP) =>
    (spec.ports ?? []).flatMap((port) => {
      const family = familyOf(clusterIP);
      const all = backendsFor(port, slices, family, nodeName);
      const localInside = spec.internalTrafficPolicy === "Local";
      const localOutside = spec.externalTrafficPolicy === "Local";
      const common = { family, protocol: protocolOf(port), affinitySeconds };
      const outside = {
        ...common,
        backends: localOutside ? onlyLocal(all) : all,
        masquerade: !localOutside,
        whenEmpty: emptyPolicy(localOutside, all),
      };
      const frontends: Frontend[] = [
        {
          ...common,
          kind: "address",
          ip: clusterIP,
          port: port.port,
          backends: localInside ? onlyLocal(all) : all,
          masquerade: false,
          whenEmpty: emptyPolicy(localInside, all),
        },
      ];
      for (const ip of outsideAddresses(service).filter((address) => familyOf(address) === family))
        frontends.push({ ...outside, kind: "address", ip, port: port.port });
      if (port.nodePort) frontends.push({ ...outside, kind: "nodePort", port: port.nodePort });
      return frontends;
    }),
  );
}

const familyOf = (ip: string): 4 | 6 => (ip.includes(":") ? 6 : 4);
const protocolOf = (port: ServicePort) => (port.protocol ?? "TCP").toLowerCase() as Frontend["protocol"];
const onlyLocal = (backends: readonly Backend[]) => backends.filter(({ local }) => local);
const emptyPolicy = (localOnly: boolean, all: readonly Backend[]): Frontend["whenEmpty"] =>
  localOnly && all.length > 0 ? "drop" : "reject";

/** External addresses, and a load balancer's own when packets for it arrive here unchanged and from anybody. */
function outsideAddresses({ spec, status }: Service): string[] {
  const ingress = spec.loadBalancerSourceRanges?.length ? [] : (status?.loadBalancer?.ingress ?? []);
  const balanced = ingress.flatMap(({ ip, ipMode }) => (ip && ipMode !== "Proxy" ? [ip] : []));
  return [...new Set([...(spec.externalIPs ?? []), ...balanced])];
}

/** Ready endpoints; when there is none, those that still serve while they end. */
function backendsFor(port: ServicePort, slices: readonly EndpointSlice[], family: 4 | 6, node: string): Backend[] {
  const ready = new Map<string, Backend>();
  const ending = new Map<string, Backend>();
  for (const slice of slices) {
    if (slice.addressType !== (family === 4 ? "IPv4" : "IPv6")) continue;
    const target = (slice.ports ?? []).find(
      (p) => (p.name ?? "") === (port.name ?? "") && (p.protocol ?? "TCP") === (port.protocol ?? "TCP"),
    )?.port;
    if (!target) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const into = conditionOf(endpoint) === "ready" ? ready : conditionOf(endpoint) === "ending" ? ending : undefined;
      const ip = endpoint.addresses[0];
      if (into && ip) into.set(`${ip} ${target}`, { ip, port: target, local: endpoint.nodeName === node });
    }
  }
  return [...(ready.size > 0 ? ready : ending).values()];
}

function conditionOf({ conditions }: Endpoint): "ready" | "ending" | "unusable" {
  if (conditions?.ready !== false) return "ready";
  return conditions.serving !== false && conditions.terminating ? "ending" : "unusable";
}

/** "namespace/name" of the service a slice belongs to. */
export function serviceKeyOf(slice: EndpointSlice): string | undefined {
  const name = slice.metadata.labels?.["kubernetes.io/service-name"];
  return name === undefined ? undefined : keyOf({ metadata: { name, namespace: slice.metadata.namespace } });
}
