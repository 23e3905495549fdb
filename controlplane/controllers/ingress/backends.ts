/** From what a rule names to addresses the proxy connects to. */
import type { EndpointSlice, IngressBackend, Service, ServicePort } from "#api/generated/types.js";
import type { Backend, Upstream } from "./model.js";

/** Where the objects are looked up; all of one namespace. */
export interface Services {
  service(name: string): Service | undefined;
  slices(service: string): readonly EndpointSlice[];
}

/** Why nobody answers for a backend. `reason` and message are those of an Event; a backend that only waits has none. */
export interface Unserved {
  readonly reason: string;
  readonly message: string;
}

export interface ResolvedBackend {
  readonly backend: Backend;
  readonly upstream?: Upstream;
  readonly unserved?: Unserved;
}

const unserved = (reason: string, message: string): ResolvedBackend => ({
  backend: undefined,
  unserved: { reason, message },
});

/**
 * A Service is reached at its own address, so that its endpoints come and go without a word to the proxy; only whether
 * it has any at all matters. A headless one has no address: there each endpoint is named.
 */
export function resolveBackend(namespace: string, backend: IngressBackend, services: Services): ResolvedBackend {
  if (!backend.service) {
    const { kind = "", name = "" } = backend.resource ?? {};
    return unserved("BackendNotSupported", `resource backend ${kind}/${name} is not supported, only services are`);
  }
  const { name, port } = backend.service;
  const service = services.service(name);
  if (!service) return unserved("ServiceNotFound", `service "${name}" not found`);
  if (service.spec.type === "ExternalName")
    return unserved("BackendNotSupported", `service "${name}" is an ExternalName, which is not supported`);
  const named = (p: ServicePort) => (port?.name ? p.name === port.name : p.port === port?.number);
  const servicePort = service.spec.ports?.find((p) => named(p) && (p.protocol ?? "TCP") === "TCP");
  if (!servicePort)
    return unserved(
      "ServicePortNotFound",
      `service "${name}" has no port ${port?.name ?? port?.number ?? ""}`.trimEnd(),
    );
  const servers = addresses(service, servicePort, services.slices(name));
  if (servers.length === 0) return { backend: undefined };
  const upstream = { name: `${namespace}_${name}_${servicePort.port}`, servers };
  return { backend: { upstream: upstream.name, https: speaksTls(servicePort) }, upstream };
}

/** Empty when nobody is there to answer. */
function addresses(service: Service, port: ServicePort, slices: readonly EndpointSlice[]): string[] {
  const endpoints = slices.flatMap((slice) => endpointAddresses(slice, port.name ?? ""));
  if (endpoints.length === 0) return [];
  const { clusterIP } = service.spec;
  if (!clusterIP || clusterIP === "None") return [...new Set(endpoints)].sort();
  return [hostPort(clusterIP, port.port)];
}

/** As the service proxy does: those ready, and those that still serve while they end. */
function endpointAddresses(slice: EndpointSlice, portName: string): string[] {
  const port = slice.ports?.find(({ name }) => (name ?? "") === portName)?.port;
  if (port === undefined || slice.addressType === "FQDN") return [];
  return (slice.endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false || conditions.serving === true)
    .flatMap(({ addresses: [address] }) => (address ? [hostPort(address, port)] : []));
}

const hostPort = (address: string, port: number) => `${address.includes(":") ? `[${address}]` : address}:${port}`;

const speaksTls = ({ appProtocol = "" }: ServicePort) =>
  ["https", "kubernetes.io/wss"].includes(appProtocol.toLowerCase());
