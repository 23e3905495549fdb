/** The address ranges of a configuration: read, completed, checked and walked. No I/O. */
import {
  type Address,
  bitsOf,
  contains,
  formatAddress,
  formatPrefix,
  lastOf,
  networkOf,
  type Prefix,
  parseAddress,
  parsePrefix,
} from "#cni/lib/addresses.js";
import { CniCode, CniError } from "#cni/lib/error.js";
import type { IpamConf, NetConf } from "#cni/lib/types.js";

export interface RangeConf {
  subnet: string;
  rangeStart?: string;
  rangeEnd?: string;
  gateway?: string;
}

export interface Range {
  subnet: Prefix;
  start: Address;
  end: Address;
  gateway: Address;
}

/** One address is given out of each set. */
export type RangeSet = readonly Range[];

const bad = (message: string) => new CniError(CniCode.invalidConfig, message);

/** All sets of a configuration, those of the `ipRanges` capability first. @throws CniError invalidConfig */
export function readRangeSets(config: NetConf): RangeSet[] {
  const ipam = (config.ipam ?? {}) as IpamConf & Partial<RangeConf> & { ranges?: RangeConf[][] };
  const confs = [...((config.runtimeConfig?.ipRanges ?? []) as RangeConf[][])];
  if (ipam.subnet) confs.push([ipam as RangeConf]);
  confs.push(...(ipam.ranges ?? []));
  if (confs.length === 0) throw bad("no IP ranges specified");
  const sets = confs.map((set, i) => {
    if (!Array.isArray(set) || set.length === 0) throw bad(`invalid range set ${i}: empty range set`);
    return set.map((range) => guarded(`invalid range set ${i}`, () => readRange(range)));
  });
  sets.forEach((set, i) => {
    if (set.some((range) => range.subnet.family !== set[0]?.subnet.family))
      throw bad(`invalid range set ${i}: mixed address families`);
    for (const later of sets.slice(i + 1))
      if (set.some((a) => later.some((b) => intersects(a, b)))) throw bad(`range set ${i} overlaps with a later one`);
  });
  return sets;
}

function guarded<T>(context: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw bad(`${context}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Completes a range: the first address is the gateway's, the network and the broadcast address are nobody's. */
export function readRange(conf: RangeConf): Range {
  const subnet = parsePrefix(conf.subnet);
  const { family } = subnet;
  if (subnet.length > bitsOf(family) - 2) throw new Error(`Network ${conf.subnet} too small to allocate from`);
  const network = networkOf(subnet);
  if (network.value !== subnet.value)
    throw new Error(
      `Network has host bits set. For a subnet mask of length ${subnet.length} the network address is ${formatAddress(network)}`,
    );
  const inside = (text: string, name: string) => {
    const address = parseAddress(text);
    if (!contains(subnet, address)) throw new Error(`${name} ${text} not in network ${conf.subnet}`);
    return address;
  };
  const first = { family, value: network.value + 1n };
  const last = { family, value: lastOf(subnet).value - (family === 4 ? 1n : 0n) };
  const range = {
    subnet,
    start: conf.rangeStart ? inside(conf.rangeStart, "RangeStart") : first,
    end: conf.rangeEnd ? inside(conf.rangeEnd, "RangeEnd") : last,
    gateway: conf.gateway ? parseAddress(conf.gateway) : first,
  };
  if (range.start.value > range.end.value)
    throw new Error(`RangeStart ${formatAddress(range.start)} is after RangeEnd ${formatAddress(range.end)}`);
  return range;
}

export function inRange(range: Range, { family, value }: Address): boolean {
  return range.subnet.family === family && range.start.value <= value && value <= range.end.value;
}

function intersects(a: Range, b: Range): boolean {
  return inRange(a, b.start) || inRange(b, a.start);
}

/** "10.0.0.1-10.0.0.254,10.1.0.1-10.1.0.254", as upstream's messages name a set. */
export function describe(set: RangeSet): string {
  return set.map((range) => `${formatAddress(range.start)}-${formatAddress(range.end)}`).join(",");
}

/** Every address of the set but the gateways', once, starting after `last` and wrapping around. */
export function* walk(set: RangeSet, last?: Address): Generator<{ address: Address; range: Range }> {
  const begun = last ? set.findIndex((range) => inRange(range, last)) : -1;
  const order = begun < 0 ? [...set] : [...set.slice(begun), ...set.slice(0, begun)];
  const gateways = new Set(set.map((range) => range.gateway.value));
  const first = begun < 0 ? undefined : last;
  for (const [i, range] of order.entries()) {
    const from = i === 0 && first ? first.value + 1n : range.start.value;
    yield* span(range, from, range.end.value, gateways);
  }
  const again = order[0];
  if (first && again) yield* span(again, again.start.value, first.value, gateways);
}

function* span(range: Range, from: bigint, to: bigint, skip: ReadonlySet<bigint>) {
  for (let value = from; value <= to; value++) {
    if (!skip.has(value)) yield { address: { family: range.subnet.family, value }, range };
  }
}

/** What the container is told: its address with the subnet's length, and the gateway. */
export function toResultIp(address: Address, range: Range): { address: string; gateway: string } {
  return {
    address: formatPrefix({ ...address, length: range.subnet.length }),
    gateway: formatAddress(range.gateway),
  };
}
