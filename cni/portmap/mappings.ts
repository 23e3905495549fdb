/** From port mappings and a container's addresses to the elements of the table. No I/O. */
import { formatPrefix, networkOf, parseAddress, parsePrefix, withoutPrefix } from "#cni/lib/addresses.js";
import { CniCode, CniError } from "#cni/lib/error.js";
import type { NetConf, PortMapping } from "#cni/lib/types.js";
import type { Element } from "./table.js";

/** Upstream options we do not have: refused by name, never ignored. */
const UNSUPPORTED = ["conditionsV4", "conditionsV6", "externalSetMarkChain", "masqAll", "markMasqBit"];

export interface PortmapConf {
  mappings: Required<PortMapping>[];
  /** The host's own connections through 127.0.0.1 and a container's to itself are rewritten. Default true. */
  snat: boolean;
}

/** @throws CniError invalidConfig, unsupportedField */
export function readPortmapConf(config: NetConf): PortmapConf {
  for (const field of UNSUPPORTED)
    if (config[field]) throw new CniError(CniCode.unsupportedField, `portmap: unsupported field "${field}"`);
  const backend = config["backend"] ?? "nftables";
  if (backend !== "nftables")
    throw new CniError(CniCode.unsupportedField, `portmap: unsupported backend ${JSON.stringify(backend)}`);
  const mappings = (config.runtimeConfig?.portMappings ?? []).map(readMapping);
  return { mappings, snat: config["snat"] !== false };
}

function readMapping(mapping: PortMapping): Required<PortMapping> {
  const invalid = (message: string) => new CniError(CniCode.invalidConfig, message);
  const protocol = (mapping.protocol || "tcp").toLowerCase();
  if (!["tcp", "udp", "sctp"].includes(protocol)) throw invalid(`invalid protocol "${mapping.protocol}"`);
  const isPort = (port: number) => Number.isInteger(port) && port > 0 && port <= 65535;
  if (!isPort(mapping.containerPort)) throw invalid(`Invalid container port number: ${mapping.containerPort}`);
  if (!isPort(mapping.hostPort)) throw invalid(`Invalid host port number: ${mapping.hostPort}`);
  if (mapping.hostIP) {
    try {
      parseAddress(mapping.hostIP);
    } catch {
      throw invalid(`Invalid host IP: ${mapping.hostIP}`);
    }
  }
  return { ...mapping, protocol, hostIP: mapping.hostIP ?? "" };
}

/** @param addresses the container's, with prefix length: the first of each family answers */
export function elementsFor(conf: PortmapConf, addresses: readonly string[]): Element[] {
  const elements: Element[] = [];
  for (const suffix of ["", "6"]) {
    const address = addresses.find((a) => a.includes(":") === (suffix === "6"));
    if (!address) continue;
    const ip = withoutPrefix(address);
    const ours = conf.mappings.filter(({ hostIP }) => hostIP === "" || hostIP.includes(":") === (suffix === "6"));
    for (const { hostIP, hostPort, containerPort, protocol } of ours) {
      const anywhere = ["", "0.0.0.0", "::"].includes(hostIP);
      elements.push({
        set: `${anywhere ? "any" : "on"}${suffix}`,
        key: `${anywhere ? "" : `${hostIP} . `}${protocol} . ${hostPort}`,
        value: `${ip} . ${containerPort}`,
      });
    }
    if (conf.snat && ours.length > 0)
      elements.push({ set: `hairpin${suffix}`, key: `${formatPrefix(networkOf(parsePrefix(address)))} . ${ip}` });
  }
  return elements;
}
