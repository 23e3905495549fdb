/** IPAM: gives each attachment one address of every range set, and remembers it on this host. */
import { formatAddress, parseAddress, withoutPrefix } from "#cni/lib/addresses.js";
import { CniCode, CniError } from "#cni/lib/error.js";
import { runAsExecutable } from "#cni/lib/executable.js";
import type { Attached, Plugin, PluginCall } from "#cni/lib/plugin.js";
import type { Dns, Result, ResultIp, Route } from "#cni/lib/types.js";
import { describe, inRange, type RangeSet, readRangeSets, toResultIp, walk } from "./ranges.js";
import { readResolvConf } from "./resolv-conf.js";
import { ReservationStore } from "./store.js";

const DATA_DIR = "/var/lib/cni/networks";

function openStore({ config }: PluginCall): ReservationStore {
  return new ReservationStore((config.ipam?.["dataDir"] as string | undefined) || DATA_DIR, config.name);
}

async function add(call: PluginCall): Promise<Result> {
  const { config } = call;
  const sets = readRangeSets(config);
  const requested = requestedIps(call);
  const store = openStore(call);
  const given: { address: string; ip: ResultIp }[] = [];
  try {
    for (const [i, set] of sets.entries()) {
      const wanted = requested.findIndex((ip) => set.some((range) => inRange(range, parseAddress(ip))));
      const ip = wanted < 0 ? allocate(store, set, i, call) : claim(store, set, i, call, requested[wanted] ?? "");
      if (wanted >= 0) requested.splice(wanted, 1);
      given.push({ address: withoutPrefix(ip.address), ip });
    }
    if (requested.length > 0) throw failure(`failed to allocate all requested IPs: ${requested.join(" ")}`);
  } catch (error) {
    for (const { address } of given) store.release(address);
    throw error;
  }
  const resolvConf = config.ipam?.["resolvConf"] as string | undefined;
  const dns: Dns | undefined = resolvConf ? readResolvConf(resolvConf) : undefined;
  return { ips: given.map((g) => g.ip), routes: (config.ipam?.["routes"] as Route[] | undefined) ?? [], dns };
}

const failure = (message: string) => new CniError(CniCode.failed, message);

/** From CNI_ARGS (IP=), `args.cni.ips` and the `ips` capability, without prefix length. */
function requestedIps({ args, config }: PluginCall): string[] {
  const all = [
    ...(args["IP"]?.split(",") ?? []),
    ...(config.args?.cni?.ips ?? []),
    ...(config.runtimeConfig?.ips ?? []),
  ];
  try {
    return all.filter(Boolean).map((text) => formatAddress(parseAddress(withoutPrefix(text))));
  } catch (error) {
    throw new CniError(CniCode.invalidConfig, (error as Error).message);
  }
}

/** The next free address of the set. The specification forbids a second one for the same attachment. */
function allocate(store: ReservationStore, set: RangeSet, index: number, owner: Attached): ResultIp {
  const taken = new Set(store.taken());
  for (const address of taken) {
    if (set.some((range) => inRange(range, parseAddress(address))) && store.isHeldBy(address, owner))
      throw failure(`${address} has been allocated to ${owner.containerId}, duplicate allocation is not allowed`);
  }
  const last = store.lastReserved(index);
  for (const { address, range } of walk(set, last ? parseAddress(last) : undefined)) {
    const text = formatAddress(address);
    if (!taken.has(text) && store.reserve(text, owner, index)) return toResultIp(address, range);
  }
  throw failure(`no IP addresses available in range set: ${describe(set)}`);
}

function claim(store: ReservationStore, set: RangeSet, index: number, owner: Attached, text: string): ResultIp {
  const address = parseAddress(text);
  const range = set.find((r) => inRange(r, address));
  if (!range) throw failure(`${text} is not in range set ${describe(set)}`);
  if (range.gateway.value === address.value) throw failure(`requested ip ${text} is subnet's gateway`);
  if (store.reserve(text, owner, index)) return toResultIp(address, range);
  throw failure(`requested IP address ${text} is not available in range set ${describe(set)}`);
}

/** With a previous result only its addresses are looked at; without one, every reservation. */
async function del(call: PluginCall): Promise<void> {
  const store = openStore(call);
  const known = (call.config.prevResult?.ips ?? []).map((ip) => withoutPrefix(ip.address));
  const held = known.filter((address) => store.isHeldBy(address, call));
  for (const address of held.length > 0 ? held : store.heldBy(call)) store.release(address);
}

async function check(call: PluginCall): Promise<void> {
  if (openStore(call).heldBy(call).length > 0) return;
  throw new CniError(CniCode.damaged, `host-local: Failed to find address added by container ${call.containerId}`);
}

async function gc(call: PluginCall, valid: readonly Attached[]): Promise<void> {
  openStore(call).retain(valid);
}

async function status(call: PluginCall): Promise<void> {
  readRangeSets(call.config);
  openStore(call);
}

export const hostLocal: Plugin = { type: "host-local", add, del, check, gc, status };

await runAsExecutable(hostLocal, import.meta.url);
