/**
 * The records that Services, their endpoints and namespaces put into the cluster's zone. Pure.
 * https://github.com/kubernetes/dns/blob/master/docs/specification.md
 */
import type { EndpointSlice, Namespace, Service } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { dashed, isEncodable, reverseName } from "./names.js";
import type { Record, Srv, ZonePart } from "./record.js";

/** Seconds an answer may be kept: names follow their endpoints, so not for long. */
export const ZONE_TTL = 5;
/** Of the specification that the records follow. */
const SCHEMA_VERSION = "1.1.0";

/** What the zone has whatever the cluster holds: its name server, and the version of its schema. */
export function apexPart(domain: string, serverAddress: string): ZonePart {
  const server = `ns.dns.${domain}`;
  const records = [
    record(domain, "NS", server),
    address(server, serverAddress),
    record(`dns-version.${domain}`, "TXT", SCHEMA_VERSION),
  ];
  return { id: "apex", records, names: [`svc.${domain}`, `pod.${domain}`] };
}

export const namespaceId = ({ metadata }: Namespace) => `namespace ${metadata.name}`;

/** A namespace without a Service is a name too; below its `pod` name every address has one. */
export function namespacePart(namespace: Namespace, domain: string): ZonePart {
  const { name } = namespace.metadata;
  return { id: namespaceId(namespace), records: [], names: [`${name}.svc.${domain}`, `${name}.pod.${domain}`] };
}

export const serviceId = (key: string) => `service ${key}`;

/** @param slices all of the Service's */
export function servicePart(service: Service, slices: readonly EndpointSlice[], domain: string): ZonePart {
  const { name, namespace } = service.metadata;
  const base = `${name}.${namespace}.svc.${domain}`;
  const records = serviceRecords(service, slices, base);
  const unique = new Map(records.filter(canBeSent).map((item) => [JSON.stringify(item), item]));
  return { id: serviceId(keyOf(service)), records: [...unique.values()] };
}

function serviceRecords({ spec }: Service, slices: readonly EndpointSlice[], base: string): Record[] {
  if (spec.type === "ExternalName") {
    const target = (spec.externalName ?? "").replace(/\.$/, "").toLowerCase();
    return [record(base, "CNAME", target)];
  }
  const endpoints = readyEndpoints(slices);
  const named = endpoints.map(({ host, ip }) => address(`${host}.${base}`, ip));
  if (spec.clusterIP === "None") return [...headlessRecords(endpoints, base), ...named];
  const clusterIPs = (spec.clusterIPs ?? [spec.clusterIP ?? ""]).filter((ip) => ip !== "");
  const target = { priority: 0, weight: 100, target: base };
  const ports = (spec.ports ?? []).flatMap(({ name, protocol, port }) =>
    srv(base, name, protocol, { ...target, port }),
  );
  const own = clusterIPs.flatMap((ip) => [address(base, ip), record(reverseName(ip), "PTR", base)]);
  return [...own, ...ports, ...named];
}

interface ReadyEndpoint {
  host: string;
  ip: string;
  ports: NonNullable<EndpointSlice["ports"]>;
}

/** By address, so that the same endpoints give the same records. */
function readyEndpoints(slices: readonly EndpointSlice[]): ReadyEndpoint[] {
  const found = slices
    .filter(({ addressType }) => addressType !== "FQDN")
    .flatMap(({ endpoints, ports = [] }) =>
      (endpoints ?? [])
        .filter(({ conditions }) => conditions?.ready !== false)
        .flatMap(({ addresses, hostname }) =>
          addresses.map((ip) => ({ host: (hostname || dashed(ip)).toLowerCase(), ip, ports })),
        ),
    );
  return found.sort((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : 0));
}

function headlessRecords(endpoints: readonly ReadyEndpoint[], base: string): Record[] {
  const weight = Math.max(1, Math.floor(100 / endpoints.length));
  return endpoints.flatMap(({ host, ip, ports }) => {
    const target = `${host}.${base}`;
    const services = ports.flatMap(({ name, protocol, port = 0 }) =>
      srv(base, name, protocol, { priority: 0, weight, port, target }),
    );
    return [address(base, ip), record(reverseName(ip), "PTR", target), ...services];
  });
}

/** At the Service's own name for whoever does not know its ports' names; below it only for a port with a name. */
function srv(base: string, portName: string | undefined, protocol: string | undefined, data: Srv): Record[] {
  const all = [record(base, "SRV", data)];
  if (!portName) return all;
  return [...all, record(`_${portName}._${(protocol ?? "TCP").toLowerCase()}.${base}`, "SRV", data)];
}

const record = (name: string, type: string, data: unknown): Record => ({ name, type, ttl: ZONE_TTL, data });
const address = (name: string, ip: string) => record(name, ip.includes(":") ? "AAAA" : "A", ip);

function canBeSent({ name, type, data }: Record): boolean {
  const target = type === "SRV" ? (data as Srv).target : type === "CNAME" || type === "PTR" ? String(data) : name;
  return isEncodable(name) && isEncodable(target);
}
