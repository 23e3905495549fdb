/** Connects a container to a bridge of this host by a veth pair. Two program starts an ADD, one a DEL, IPAM aside. */
import { formatPrefix, networkOf, parsePrefix } from "#cni/lib/addresses.js";
import { runAsExecutable } from "#cni/lib/executable.js";
import type { Attached, Plugin, PluginCall } from "#cni/lib/plugin.js";
import type { Result, ResultIp, Route } from "#cni/lib/types.js";
import { checkAttachment } from "./check.js";
import { type BridgeConf, readBridgeConf } from "./config.js";
import { allowForwarding, ensureBridge } from "./host-bridge.js";
import { configure, hostLinkName, plug, unplug } from "./links.js";
import { macFor, randomMac } from "./mac.js";
import { addMasquerade, removeMasquerade, retainMasquerade } from "./masquerade.js";

async function add(call: PluginCall): Promise<Result> {
  const conf = readBridgeConf(call.config, call.args);
  const ipam = call.config.ipam?.type;
  const leased = ipam ? await call.delegate(ipam, call.config) : undefined;
  try {
    return await attach(call, conf, leased);
  } catch (error) {
    if (ipam) await call.delegate(ipam, call.config, "DEL");
    throw error;
  }
}

async function attach(call: PluginCall, conf: BridgeConf, leased?: Result): Promise<Result> {
  const ips = (leased?.ips ?? []).map((ip) => withGateway(ip, conf));
  const gateways = conf.isGateway ? ips.flatMap((ip) => (ip.gateway ? [gatewayPrefix(ip)] : [])) : [];
  const bridge = await ensureBridge({
    name: conf.bridge,
    mtu: conf.mtu,
    promisc: conf.promiscMode,
    forceAddress: conf.forceAddress,
    addresses: gateways,
  });
  const pair = {
    hostName: hostLinkName(call),
    hostMac: randomMac(),
    containerMac: conf.mac ?? macFor(ips.map((ip) => ip.address)),
  };
  const routes = [...(leased?.routes ?? []), ...defaultRoutes(conf, ips)];
  await plug(call, conf, pair);
  try {
    await configure(call, ips, routes);
    if (gateways.length > 0) allowForwarding(conf.bridge, new Set(gateways.map((g) => (g.includes(":") ? 6 : 4))));
    if (conf.ipMasq)
      await addMasquerade(
        call.config.name,
        call,
        ips.map((ip) => ip.address),
      );
  } catch (error) {
    await unplug(call);
    throw error;
  }
  return {
    interfaces: [
      { name: conf.bridge, mac: bridge.mac, mtu: conf.mtu },
      { name: pair.hostName, mac: pair.hostMac, mtu: conf.mtu },
      { name: call.ifName, mac: pair.containerMac, mtu: conf.mtu, sandbox: call.netns },
    ],
    ips: ips.map((ip) => ({ ...ip, interface: 2 })),
    routes,
    dns: call.config.dns ?? leased?.dns,
  };
}

/** A gateway is needed when the bridge is one: the first address of the network unless IPAM named another. */
function withGateway(ip: ResultIp, conf: BridgeConf): ResultIp {
  const { interface: _none, ...rest } = ip;
  if (rest.gateway || !conf.isGateway) return rest;
  const network = networkOf(parsePrefix(ip.address));
  return { ...rest, gateway: formatPrefix({ ...network, value: network.value + 1n }).replace(/\/.*/, "") };
}

const gatewayPrefix = (ip: ResultIp) => `${ip.gateway}${ip.address.slice(ip.address.indexOf("/"))}`;

function defaultRoutes(conf: BridgeConf, ips: readonly ResultIp[]): Route[] {
  if (!conf.isDefaultGateway) return [];
  return ips.map((ip) => ({ dst: ip.address.includes(":") ? "::/0" : "0.0.0.0/0", gw: ip.gateway }));
}

/** The link goes first: an address must not be given out again while something still answers for it. */
async function del(call: PluginCall): Promise<void> {
  const conf = readBridgeConf(call.config, call.args);
  await unplug(call);
  if (conf.ipMasq) await removeMasquerade(call.config.name, call);
  if (call.config.ipam?.type) await call.delegate(call.config.ipam.type, call.config);
}

async function check(call: PluginCall): Promise<void> {
  const conf = readBridgeConf(call.config, call.args);
  if (call.config.ipam?.type) await call.delegate(call.config.ipam.type, call.config);
  await checkAttachment(call, conf);
}

async function gc(call: PluginCall, valid: readonly Attached[]): Promise<void> {
  if (readBridgeConf(call.config, call.args).ipMasq) await retainMasquerade(call.config.name, valid);
  if (call.config.ipam?.type) await call.delegate(call.config.ipam.type, call.config);
}

async function status(call: PluginCall): Promise<void> {
  readBridgeConf(call.config, call.args);
  if (call.config.ipam?.type) await call.delegate(call.config.ipam.type, call.config);
}

export const bridge: Plugin = { type: "bridge", add, del, check, gc, status };

await runAsExecutable(bridge, import.meta.url);
