/** CHECK: is the attachment still what ADD's result says? */
import { parseAddress, parsePrefix } from "#cni/lib/addresses.js";
import { CommandError } from "#cni/lib/command.js";
import { CniCode, CniError } from "#cni/lib/error.js";
import { ipJson, type LinkJson, type RouteJson } from "#cni/lib/ip-command.js";
import type { PluginCall } from "#cni/lib/plugin.js";
import type { Route } from "#cni/lib/types.js";
import type { BridgeConf } from "./config.js";
import { hostLinkName } from "./links.js";

const damaged = (message: string) => new CniError(CniCode.damaged, message);

async function link(name: string, netns?: string): Promise<LinkJson> {
  try {
    const [found] = await ipJson<LinkJson>(["addr", "show", "dev", name], netns);
    if (found) return found;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
  }
  throw damaged(`interface ${name} is missing${netns ? ` in ${netns}` : " on the host"}`);
}

export async function checkAttachment(call: PluginCall, conf: BridgeConf): Promise<void> {
  const result = call.config.prevResult ?? {};
  const [onHost, port, inside] = await Promise.all([
    link(conf.bridge),
    link(hostLinkName(call)),
    link(call.ifName, call.netns),
  ]);
  if (onHost.linkinfo?.info_kind !== "bridge") throw damaged(`interface ${conf.bridge} is not a bridge`);
  if (port.master !== conf.bridge) throw damaged(`interface ${port.ifname} is not a port of ${conf.bridge}`);
  for (const [found, name] of [
    [onHost, conf.bridge],
    [port, port.ifname],
    [inside, call.ifName],
  ] as const)
    if (!found.flags.includes("UP")) throw damaged(`interface ${name} is down`);
  const mac = result.interfaces?.find((i) => i.name === call.ifName && i.sandbox)?.mac;
  if (mac && mac.toLowerCase() !== inside.address)
    throw damaged(`interface ${call.ifName} has the MAC ${inside.address}, not ${mac}`);
  const present = new Set((inside.addr_info ?? []).map((a) => `${a.local}/${a.prefixlen}`));
  for (const { address } of result.ips ?? [])
    if (!present.has(address)) throw damaged(`${call.ifName} does not have the address ${address}`);
  await checkRoutes(call, result.routes ?? []);
}

async function checkRoutes({ netns, ifName }: PluginCall, routes: readonly Route[]): Promise<void> {
  for (const family of ["-4", "-6"]) {
    const wanted = routes.filter(({ dst }) => dst.includes(":") === (family === "-6"));
    if (wanted.length === 0) continue;
    const present = await ipJson<RouteJson>([family, "route", "show", "table", "all", "dev", ifName], netns);
    for (const { dst, gw } of wanted)
      if (!present.some((r) => sameNetwork(r.dst, dst) && (!gw || r.gateway === gw)))
        throw damaged(`the route to ${dst}${gw ? ` via ${gw}` : ""} is missing`);
  }
}

/** `ip` prints "default" and host routes without a length. */
function sameNetwork(printed: string, cidr: string): boolean {
  const wanted = parsePrefix(cidr);
  if (printed === "default") return wanted.length === 0;
  if (printed.includes("/")) return printed === cidr;
  const address = parseAddress(printed);
  return wanted.length === (address.family === 4 ? 32 : 128) && address.value === wanted.value;
}
