/** One attachment: a veth pair from the bridge into the container, with addresses and routes inside. */
import { createHash } from "node:crypto";
import { CniCode, CniError } from "#cni/lib/error.js";
import { IpBatchError, ipBatch } from "#cni/lib/ip-command.js";
import type { Attached, PluginCall } from "#cni/lib/plugin.js";
import type { ResultIp, Route } from "#cni/lib/types.js";
import type { BridgeConf } from "./config.js";
import { removeLink } from "./link-removal.js";

/** The host's end. Derived, so that DEL finds it when the namespace and the result are gone. At most 15 characters. */
export function hostLinkName({ containerId, ifName }: Attached): string {
  const hash = createHash("sha256").update(`${containerId}\n${ifName}`).digest("hex");
  return `veth${hash.slice(0, 10)}`;
}

export interface LinkPair {
  hostName: string;
  hostMac: string;
  containerMac: string;
}

/** Makes the pair and plugs the host's end in: one program start. Leaves nothing behind when it fails. */
export async function plug(call: PluginCall, conf: BridgeConf, pair: LinkPair): Promise<void> {
  const { hostName, hostMac, containerMac } = pair;
  const mtu = conf.mtu ? ` mtu ${conf.mtu}` : "";
  const port = [
    `link set ${hostName} master ${conf.bridge}`,
    ...(conf.hairpinMode ? [`link set ${hostName} type bridge_slave hairpin on`] : []),
    ...(conf.portIsolation ? [`link set ${hostName} type bridge_slave isolated on`] : []),
    `link set ${hostName} up`,
  ];
  const peer = `type veth peer name ${call.ifName} address ${containerMac}${mtu} netns ${call.netns}`;
  try {
    await ipBatch([`link add ${hostName} address ${hostMac}${mtu} ${peer}`, ...port]);
  } catch (error) {
    if (!(error instanceof IpBatchError)) throw error;
    if (error.index > 0) await unplug(call);
    const what = error.exists ? `container veth name provided (${call.ifName}) already exists` : error.message;
    throw new CniError(CniCode.failed, `failed to create veth pair: ${what}`, error.line);
  }
}

/** Removes the pair; the kernel has done so already when the container's namespace has gone. */
export async function unplug(owner: Attached): Promise<void> {
  await removeLink(hostLinkName(owner));
}

/** Gives the container's end its addresses and routes: one program start. */
export async function configure(
  { netns, ifName }: PluginCall,
  ips: readonly ResultIp[],
  routes: readonly Route[],
): Promise<void> {
  const lines = [
    ...ips.map(({ address }) => `addr add ${address} dev ${ifName}${address.includes(":") ? " nodad" : ""}`),
    `link set ${ifName} up`,
    ...routes.map((route) => routeLine(route, ifName, ips)),
  ];
  await ipBatch(lines, netns);
}

function routeLine(route: Route, ifName: string, ips: readonly ResultIp[]): string {
  const isIpv6 = route.dst.includes(":");
  const gateway = route.gw ?? ips.find(({ address }) => address.includes(":") === isIpv6)?.gateway;
  const words = ["route add", route.dst];
  if (gateway) words.push("via", gateway);
  words.push("dev", ifName);
  if (route.mtu) words.push("mtu", String(route.mtu));
  if (route.advmss) words.push("advmss", String(route.advmss));
  if (route.priority) words.push("metric", String(route.priority));
  if (route.table) words.push("table", String(route.table));
  if (route.scope !== undefined) words.push("scope", String(route.scope));
  return words.join(" ");
}
