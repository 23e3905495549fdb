/**
 * services/proxy: a ready Pod behind a Service, another one each time. The port is said by its name or number in the Service;
 * saying none means the port that has no name. Only addresses of Pods are gone to, as upstream does: an endpoint that somebody
 * wrote by hand must not make the API server a way to what only it can reach.
 */
import type { Endpoint, EndpointSlice, Pod } from "#api/generated/types.js";
import { endpointSlices, pods, services } from "#api/refs.js";
import { badRequest, notFoundError, StatusError } from "#api/status-error.js";
import type { ClusterReader } from "../cluster-reader.js";
import { parseNameWithPort } from "./name-with-port.js";
import { type FindTarget, podTarget, type TargetSources } from "./target.js";

interface Backend {
  readonly pod: Pod;
  readonly port: number;
}

/** @param random from 0 to below 1 */
export function serviceTargets(sources: TargetSources, random: () => number): FindTarget {
  const { reader } = sources;
  return ({ name: asked = "", namespace = "" }) => {
    const parsed = parseNameWithPort(asked);
    if (!parsed) throw badRequest(`invalid service request ${JSON.stringify(asked)}`);
    const { scheme, name } = parsed;
    const portName = portNamed(reader, namespace, name, parsed.port);
    const backends = reader
      .list(endpointSlices, namespace)
      .filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === name)
      .flatMap((slice) => backendsIn(reader, namespace, slice, portName));
    const backend = backends[Math.floor(random() * backends.length)];
    if (!backend) throw unavailable(`no endpoints available for service ${JSON.stringify(asked)}`);
    return podTarget(sources, backend.pod, scheme, String(backend.port));
  };
}

/** @throws StatusError 404 for the Service, 503 for the port */
function portNamed(reader: ClusterReader, namespace: string, name: string, port: string): string {
  const service = reader.get(services, name, namespace);
  if (!service) throw notFoundError({ group: "", plural: "services", kind: "Service" }, name);
  if (!/^\d+$/.test(port)) return port;
  const found = service.spec.ports?.find((own) => own.port === Number(port));
  if (!found) throw unavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
  return found.name ?? "";
}

function backendsIn(reader: ClusterReader, namespace: string, slice: EndpointSlice, portName: string): Backend[] {
  const port = slice.ports?.find(({ name = "" }) => name === portName)?.port;
  if (!port) return [];
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    const pod = endpoint.conditions?.ready === false ? undefined : podOf(reader, namespace, endpoint);
    return pod ? [{ pod, port }] : [];
  });
}

function podOf(reader: ClusterReader, namespace: string, { targetRef, addresses }: Endpoint): Pod | undefined {
  if (targetRef?.kind !== "Pod" || targetRef.namespace !== namespace) return undefined;
  const pod = reader.get(pods, targetRef.name ?? "", namespace);
  return pod?.status?.podIPs?.some(({ ip }) => ip === addresses[0]) ? pod : undefined;
}

const unavailable = (message: string) => new StatusError(503, "ServiceUnavailable", message);
