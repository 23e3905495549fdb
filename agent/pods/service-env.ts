/**
 * The variables that tell a container where Services are.
 * https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
 */
import { isIP } from "node:net";
import type { Pod, Service } from "#api/generated/types.js";
import { isStatic } from "../static-pods/manifest.js";

/** The Services a node knows. */
export interface ServiceDirectory {
  /** Resolves when it knows them all. */
  readonly synced: Promise<void>;
  servicesIn(namespace: string): readonly Service[];
}

/**
 * Of the Services in the Pod's namespace, unless it does without (`enableServiceLinks: false`), and always of the API itself. Waits
 * until the Services are known, since a container keeps the environment it was started with; only a static Pod has to run without
 * the API, and gets what is known.
 */
export async function serviceVariables(
  pod: Pod,
  directory: ServiceDirectory | undefined,
): Promise<ReadonlyMap<string, string>> {
  if (!directory) return new Map();
  if (!isStatic(pod)) await directory.synced;
  const api = directory.servicesIn("default").filter(({ metadata }) => metadata.name === "kubernetes");
  const links = pod.spec.enableServiceLinks !== false;
  const own = links ? directory.servicesIn(pod.metadata.namespace ?? "") : [];
  const byName = new Map([...api, ...own].map((service) => [service.metadata.name, service]));
  return new Map([...byName.values()].flatMap((service) => [...variablesOf(service)]));
}

const variableName = (name: string) => name.toUpperCase().replaceAll("-", "_");

/** Nothing for a Service without an address or port. */
export function variablesOf({ metadata, spec }: Service): Map<string, string> {
  const { clusterIP = "", ports = [] } = spec;
  const [first] = ports;
  const variables = new Map<string, string>();
  if (isIP(clusterIP) === 0 || !first) return variables;
  const prefix = variableName(metadata.name);
  const set = (name: string, value: string | number) => variables.set(`${prefix}_${name}`, String(value));
  const host = isIP(clusterIP) === 6 ? `[${clusterIP}]` : clusterIP;
  set("SERVICE_HOST", clusterIP);
  set("SERVICE_PORT", first.port);
  for (const { name, port } of ports) if (name) set(`SERVICE_PORT_${variableName(name)}`, port);
  // As Docker's links had it.
  for (const { port, protocol = "TCP" } of ports) {
    const url = `${protocol.toLowerCase()}://${host}:${port}`;
    if (port === first.port && protocol === (first.protocol ?? "TCP")) set("PORT", url);
    const link = `PORT_${port}_${protocol}`;
    set(link, url);
    set(`${link}_PROTO`, protocol.toLowerCase());
    set(`${link}_PORT`, port);
    set(`${link}_ADDR`, clusterIP);
  }
  return variables;
}
