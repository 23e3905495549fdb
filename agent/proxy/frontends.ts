/** What a Service asks of the proxy: its addresses and node ports, and who answers there. Pure. */
import { isIP } from "node:net";
import type { EndpointSlice, Service, ServicePort } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { type Backend, chooseBackends, type NodePlace } from "./backends.js";

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
  /** Who answers clients of the cluster itself, where that is not the same: they need no endpoint on this node. */
  inside?: readonly Backend[];
  /** Prefixes of this family that clients may come from. Absent: any. */
  sources?: readonly string[];
}

/** This node, as far as it matters to who answers. */
export interface ProxyNode extends NodePlace {
  /** Its own addresses. */
  addresses: readonly string[];
  /** TCP ports of its own programs that no Service may take over: "address:port". */
  reserved: ReadonlySet<string>;
}

const PROXY_NAME = "service.kubernetes.io/service-proxy-name";

/**
 * @param slices all of the service's
 * @returns nothing for a service that is not ours to serve: headless, ExternalName, another proxy's
 */
export function frontendsOf(service: Service, slices: readonly EndpointSlice[], node: ProxyNode): Frontend[] {
  const { spec } = service;
  if (!isServed(service)) return [];
  return clusterIPsOf(service).flatMap((clusterIP) =>
    (spec.ports ?? []).flatMap((port) => {
      const family = familyOf(clusterIP);
      const { cluster, local, any } = chooseBackends(slices, port, family, node);
      const common = { family, protocol: protocolOf(port), affinitySeconds: affinityOf(service) };
      const localInside = spec.internalTrafficPolicy === "Local";
      const localOutside = spec.externalTrafficPolicy === "Local";
      const outside = {
        ...common,
        backends: localOutside ? local : cluster,
        masquerade: !localOutside,
        whenEmpty: emptyPolicy(localOutside, any),
        ...(localOutside && cluster.length > 0 ? { inside: cluster } : {}),
      };
      const frontends: Frontend[] = [
        {
          ...common,
          kind: "address",
          ip: clusterIP,
          port: port.port,
          backends: localInside ? local : cluster,
          masquerade: false,
          whenEmpty: emptyPolicy(localInside, any),
        },
      ];
      const ofFamily = ({ ip }: { ip: string }) => isIP(ip) === family && !isReserved(ip, port, node);
      for (const { ip, sources } of outsideAddresses(service, family).filter(ofFamily))
        frontends.push({ ...outside, kind: "address", ip, port: port.port, ...(sources ? { sources } : {}) });
      if (port.nodePort) frontends.push({ ...outside, kind: "nodePort", port: port.nodePort });
      return frontends;
    }),
  );
}

/** False for what has no address of its own, and for what another proxy serves. */
export function isServed({ spec, metadata }: Service): boolean {
  return spec.type !== "ExternalName" && spec.clusterIP !== "None" && metadata.labels?.[PROXY_NAME] === undefined;
}

/** Ports the service would take from the node's own programs, and does not get: "address:port". */
export function reservedPortsOf(service: Service, node: ProxyNode): string[] {
  if (!isServed(service)) return [];
  const families = new Set(clusterIPsOf(service).map(familyOf));
  const outside = [...families].flatMap((family) => outsideAddresses(service, family));
  const asked = (service.spec.ports ?? []).flatMap((port) =>
    outside.filter(({ ip }) => isReserved(ip, port, node)).map(({ ip }) => `${ip}:${port.port}`),
  );
  return [...new Set(asked)];
}

const isReserved = (ip: string, port: ServicePort, { addresses, reserved }: ProxyNode) =>
  protocolOf(port) === "tcp" && addresses.includes(ip) && reserved.has(`${ip}:${port.port}`);

function clusterIPsOf({ spec }: Service): string[] {
  return (spec.clusterIPs ?? [spec.clusterIP]).filter((ip): ip is string => isIP(ip ?? "") !== 0);
}

function affinityOf({ spec }: Service): number | undefined {
  return spec.sessionAffinity === "ClientIP"
    ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800)
    : undefined;
}

const familyOf = (ip: string): 4 | 6 => (ip.includes(":") ? 6 : 4);
const protocolOf = (port: ServicePort) => (port.protocol ?? "TCP").toLowerCase() as Frontend["protocol"];
const emptyPolicy = (localOnly: boolean, any: boolean): Frontend["whenEmpty"] => (localOnly && any ? "drop" : "reject");

interface OutsideAddress {
  ip: string;
  sources?: readonly string[];
}

/** External addresses, and a load balancer's own when packets for it arrive here unchanged. */
function outsideAddresses({ spec, status }: Service, family: 4 | 6): OutsideAddress[] {
  const given = spec.loadBalancerSourceRanges?.map((range) => range.trim()) ?? [];
  const sources = given.length > 0 ? given.filter((range) => familyOf(range) === family) : undefined;
  const balanced = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) =>
    ip && ipMode !== "Proxy" ? [{ ip, ...(sources ? { sources } : {}) }] : [],
  );
  const known = new Set(balanced.map(({ ip }) => ip));
  const external = [...new Set(spec.externalIPs ?? [])].filter((ip) => !known.has(ip)).map((ip) => ({ ip }));
  return [...external, ...balanced];
}

/** "namespace/name" of the service a slice belongs to. */
export function serviceKeyOf(slice: EndpointSlice): string | undefined {
  const name = slice.metadata.labels?.["kubernetes.io/service-name"];
  return name === undefined ? undefined : keyOf({ metadata: { name, namespace: slice.metadata.namespace } });
}
