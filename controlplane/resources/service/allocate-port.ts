/**
 * NodePorts. As with ClusterIPs, a low band is left to those who ask by number, and what is taken is told by
 * an index of the services. One number may serve TCP and UDP of one service.
 */
import { type FieldError, invalid } from "#api/field-error.js";
import type { Service, ServicePort } from "#api/generated/types.js";
import { services } from "#api/refs.js";
import { internalError, invalidObject } from "#api/status-error.js";
import type { AdmissionContext } from "../kind.js";
import { needsHealthCheckPort, needsNodePort } from "./needs.js";
import { takenByOthers } from "./taken.js";

type Range = readonly [number, number];

function portsOf({ spec }: Service): number[] {
  const ports = (spec.ports ?? []).map((port) => port.nodePort ?? 0);
  return [...ports, spec.healthCheckNodePort ?? 0].filter((port) => port > 0);
}

/** The index of services by their node ports. */
export const NODE_PORT_INDEX = "nodePort";
export const nodePortsOf = (service: Service) => [...new Set(portsOf(service).map(String))];

type IsTaken = (port: number) => boolean;

/** How many of the first ports are handed out only by number, or when all others are taken. */
function reservedBand([first, last]: Range): number {
  const size = last - first + 1;
  return size < 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128);
}

function probe(from: number, to: number, isTaken: IsTaken, random: () => number): number | undefined {
  const count = to - from + 1;
  if (count <= 0) return undefined;
  const start = Math.floor(random() * count);
  for (let i = 0; i < count; i++) {
    const port = from + ((start + i) % count);
    if (!isTaken(port)) return port;
  }
  return undefined;
}

function pick(range: Range, isTaken: IsTaken, random: () => number): number {
  const middle = range[0] + reservedBand(range);
  const port = probe(middle, range[1], isTaken, random) ?? probe(range[0], middle - 1, isTaken, random);
  if (port !== undefined) return port;
  throw internalError("failed to allocate a nodePort: range is full");
}

function problemOf(field: string, port: number, [first, last]: Range, isTaken: IsTaken): FieldError | undefined {
  const range = `The range of valid ports is ${first}-${last}`;
  if (port < first || port > last) return invalid(field, port, `provided port is not in the valid range. ${range}`);
  return isTaken(port) ? invalid(field, port, "provided port is already allocated") : undefined;
}

/** The number a port of another protocol with the same port number has: one number for DNS over TCP and UDP. */
function shared(
  port: ServicePort,
  ports: readonly ServicePort[],
  wasAllocated: ReadonlySet<number>,
): number | undefined {
  const twin = ports.find((p) => p !== port && p.port === port.port && p.protocol !== port.protocol && p.nodePort);
  return twin?.nodePort && wasAllocated.has(twin.nodePort) ? twin.nodePort : undefined;
}

/** Gives each port that needs one a node port, keeping those it has or asks for. */
export function allocateNodePorts(
  service: Service,
  old: Service | undefined,
  context: AdmissionContext,
  random: () => number,
): void {
  const { spec } = service;
  const range = context.cluster.nodePortRange;
  const kept = new Set(old ? portsOf(old) : []);
  const asked = portsOf(service).filter((port) => !kept.has(port));
  const ports = needsNodePort(service) ? (spec.ports ?? []) : [];
  const wantsHealthCheck = needsHealthCheckPort(service) && !spec.healthCheckNodePort;
  if (asked.length === 0 && ports.every((port) => port.nodePort) && !wantsHealthCheck) return;
  const isTaken = takenByOthers(service, context.index(services, NODE_PORT_INDEX));
  spec.ports?.forEach((port, i) => {
    if (!port.nodePort || kept.has(port.nodePort)) return;
    const problem = problemOf(`spec.ports[${i}].nodePort`, port.nodePort, range, isTaken);
    if (problem) throw invalidObject(services, service.metadata.name ?? "", [problem]);
  });
  const own = new Set(portsOf(service));
  const take = () => pick(range, (port) => isTaken(port) || own.has(port), random);
  for (const port of ports) {
    port.nodePort ||= shared(port, ports, own) ?? take();
    own.add(port.nodePort);
  }
  if (wantsHealthCheck) spec.healthCheckNodePort = take();
}
