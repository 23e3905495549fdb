/**
 * ClusterIPs. The low band of a range is left to those who ask for an address by name (the cluster's own API and DNS
 * services), as https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/ describes.
 * What is taken is told by an index of the services themselves, read inside the write lock: nothing to free, nothing to repair.
 */
import { type FieldError, invalid } from "#api/field-error.js";
import type { Service } from "#api/generated/types.js";
import { services } from "#api/refs.js";
import { internalError, invalidObject } from "#api/status-error.js";
import type { AdmissionContext } from "../kind.js";
import { type AddressRange, addressAt, addressRange, canonicalAddress, rangeHas } from "./address-range.js";
import { familyOf, setFamilies } from "./ip-families.js";
import { isHeadless, NONE, needsClusterIP } from "./needs.js";
import { takenByOthers } from "./taken.js";

const smallest = (a: bigint, b: bigint) => (a < b ? a : b);
const largest = (a: bigint, b: bigint) => (a > b ? a : b);

/** How many of the first addresses are handed out only by name, or when all others are taken. */
const reservedBand = (range: AddressRange) => (range.size < 16n ? 0n : smallest(largest(16n, range.size / 16n), 256n));

/** The index of services by their addresses. */
export const CLUSTER_IP_INDEX = "clusterIP";
export const clusterIPsOf = ({ spec }: Service) => (spec.clusterIPs ?? []).filter((ip) => ip !== NONE);

/** The addresses that other services have. */
interface InUse {
  /** At least as many as are in use. */
  readonly count: number;
  has(address: string): boolean;
}

/** The first free address from a random place in [from, to), going round. */
function probe(range: AddressRange, from: bigint, to: bigint, used: InUse, random: () => number) {
  const count = to - from;
  const start = BigInt(Math.floor(random() * Number(smallest(count, 1n << 48n))));
  const tries = smallest(count, BigInt(used.count) + 1n);
  for (let i = 0n; i < tries; i++) {
    const address = addressAt(range, from + ((start + i) % count));
    if (!used.has(address)) return address;
  }
  return undefined;
}

function pick(cidr: string, used: InUse, random: () => number): string {
  const range = addressRange(cidr);
  const band = reservedBand(range);
  const address = probe(range, band, range.size, used, random) ?? (band > 0n && probe(range, 0n, band, used, random));
  if (address) return address;
  throw internalError("failed to allocate a serviceIP: range is full");
}

function problemOf(address: string, cidr: string, used: InUse): string | undefined {
  if (!rangeHas(addressRange(cidr), address))
    return `the provided IP (${address}) is not in the valid range. The range of valid IPs is ${cidr}`;
  return used.has(canonicalAddress(address)) ? "provided IP is already allocated" : undefined;
}

function cidrFor(family: string, context: AdmissionContext): string | undefined {
  return context.cluster.serviceCIDRs.find((cidr) => familyOf(cidr) === family);
}

function missingFamily(service: Service, families: readonly string[]): FieldError | undefined {
  const configured = families.map((family) => `"${family}"`);
  const index = service.spec.ipFamilies?.findIndex((family) => !families.includes(family)) ?? -1;
  if (index < 0) return undefined;
  const family = service.spec.ipFamilies?.[index];
  return invalid(
    `spec.ipFamilies[${index}]`,
    family,
    `not configured on this cluster (configured: ${configured.join(", ")})`,
  );
}

function refuse(service: Service, error: FieldError): never {
  throw invalidObject(services, service.metadata.name ?? "", [error]);
}

/** Gives the service an address of each of its families, keeping those it has or asks for. */
export function allocateClusterIPs(
  service: Service,
  old: Service | undefined,
  context: AdmissionContext,
  random: () => number,
): void {
  const { spec } = service;
  const families = context.cluster.serviceCIDRs.map(familyOf);
  setFamilies(service, families);
  if (!needsClusterIP(service) || isHeadless(service)) return;
  const missing = missingFamily(service, families);
  if (missing) refuse(service, missing);
  const wanted = spec.clusterIPs ?? [];
  const kept = new Set(old?.spec.clusterIPs);
  const holders = context.index(services, CLUSTER_IP_INDEX);
  const used: InUse = { count: holders.size, has: takenByOthers(service, holders) };
  spec.clusterIPs = (spec.ipFamilies ?? []).map((family, i) => {
    const asked = wanted[i];
    if (asked && kept.has(asked)) return asked;
    const cidr = cidrFor(family, context) as string;
    if (!asked) return pick(cidr, used, random);
    const problem = problemOf(asked, cidr, used);
    if (problem) refuse(service, invalid("spec.clusterIPs", wanted, `failed to allocate IP ${asked}: ${problem}`));
    return asked;
  });
  spec.clusterIP = spec.clusterIPs[0];
}
