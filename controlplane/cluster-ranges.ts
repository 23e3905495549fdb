/** The address ranges of a cluster, from what the command line says. */
import ipaddr from "ipaddr.js";
import type { ClusterConfig } from "#resources/kind.js";

export interface RangeOptions {
  /** Comma-separated CIDRs, one per address family. */
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  /** "30000-32767" */
  readonly nodePortRange: string;
  readonly clusterDomain: string;
  /** "1194" */
  readonly vxlanId: string;
  /** "8472" */
  readonly vxlanPort: string;
  /** Also between nodes that share a network. */
  readonly vxlanAlways?: boolean;
}

export const DEFAULT_RANGES: RangeOptions = {
  clusterCidr: "10.244.0.0/16",
  serviceCidr: "10.96.0.0/16",
  nodePortRange: "30000-32767",
  clusterDomain: "cluster.local",
  vxlanId: "1194",
  vxlanPort: "8472",
};

type Range = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** @throws Error that names the option to change */
export function clusterConfig(options: RangeOptions): ClusterConfig {
  const pods = parseRanges("--cluster-cidr", options.clusterCidr);
  const services = parseRanges("--service-cidr", options.serviceCidr);
  for (const a of pods) {
    for (const b of services) {
      if (overlap(a, b)) {
        throw new Error(
          `--cluster-cidr ${a.join("/")} and --service-cidr ${b.join("/")} overlap: choose ranges that do not`,
        );
      }
    }
  }
  return {
    podCIDRs: pods.map((range) => range.join("/")),
    serviceCIDRs: services.map((range) => range.join("/")),
    nodePortRange: parsePorts(options.nodePortRange),
    clusterDomain: options.clusterDomain,
    clusterDNS: nthAddress(services[0]!, 10),
    vxlan: {
      id: parseNumber("--vxlan-id", options.vxlanId, 2 ** 24 - 1),
      port: parseNumber("--vxlan-port", options.vxlanPort, 65535),
      always: options.vxlanAlways ?? false,
    },
  };
}

/** The address of the `kubernetes` Service. */
export function firstServiceAddress(config: ClusterConfig): string {
  return nthAddress(ipaddr.parseCIDR(config.serviceCIDRs[0]!), 1);
}

function parseRanges(option: string, text: string): Range[] {
  return text.split(",").map((part) => {
    if (!ipaddr.isValidCIDR(part.trim())) {
      throw new Error(`${option} ${text}: "${part}" is not a range like 10.96.0.0/16`);
    }
    const [address, bits] = ipaddr.parseCIDR(part.trim());
    const parser = address.kind() === "ipv4" ? ipaddr.IPv4 : ipaddr.IPv6;
    const network = parser.networkAddressFromCIDR(`${address}/${bits}`);
    const free = address.kind() === "ipv4" ? 32 - bits : 128 - bits;
    if (free < 5) throw new Error(`${option} ${part}: too small, at least 32 addresses are needed`);
    return [network, bits];
  });
}

function overlap([a, aBits]: Range, [b, bBits]: Range): boolean {
  if (a.kind() !== b.kind()) return false;
  const bits = Math.min(aBits, bBits);
  return a.match(b, bits);
}

function nthAddress([network]: Range, n: number): string {
  const bytes = network.toByteArray();
  bytes[bytes.length - 1]! += n;
  return ipaddr.fromByteArray(bytes).toString();
}

function parsePorts(text: string): [number, number] {
  const [, first, last] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  const range: [number, number] = [Number(first), Number(last)];
  if (!first || !last || range[0] < 1 || range[1] > 65535 || range[0] > range[1]) {
    throw new Error(`--node-port-range ${text}: expected two ports, like 30000-32767`);
  }
  return range;
}

function parseNumber(option: string, text: string, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= max) return value;
  throw new Error(`${option} ${text}: expected a number from 1 to ${max}`);
}
