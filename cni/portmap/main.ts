/** Host ports: leads connections to a port of the host to a port of the container. Chained after the plugin that gives it addresses. */
import { writeFileSync } from "node:fs";
import { tryCommand } from "#cni/lib/command.js";
import { CniCode, CniError } from "#cni/lib/error.js";
import { runAsExecutable } from "#cni/lib/executable.js";
import { attachmentComment, networkComment } from "#cni/lib/nft.js";
import { type Attached, type Plugin, type PluginCall, requirePrevResult } from "#cni/lib/plugin.js";
import type { Result } from "#cni/lib/types.js";
import { hostListeners, refuseTaken } from "./listeners.js";
import { elementsFor, readPortmapConf } from "./mappings.js";
import { addElements, listElements, removeElements } from "./table.js";

async function add(call: PluginCall): Promise<Result> {
  const result = requirePrevResult(call);
  const conf = readPortmapConf(call.config);
  const elements = elementsFor(
    conf,
    (result.ips ?? []).map((ip) => ip.address),
  );
  if (elements.length === 0) return result;
  refuseTaken(conf, await hostListeners());
  await addElements(elements, attachmentComment(call.config.name, call));
  if (conf.snat) routeLocalAddresses(result);
  for (const { protocol, hostPort } of conf.mappings) if (protocol === "udp") await forgetUdp(hostPort);
  return result;
}

/** Lets 127.0.0.1 connections leave through the container's bridge; the table's martians chain keeps others out. */
function routeLocalAddresses(result: Result): void {
  const link = result.interfaces?.find((i) => !i.sandbox)?.name;
  if (link) writeFileSync(`/proc/sys/net/ipv4/conf/${link}/route_localnet`, "1");
}

/** A UDP flow that is already tracked would go on to where it went before. */
async function forgetUdp(hostPort: number): Promise<void> {
  const args = ["-D", "-p", "udp", "--orig-port-dst", String(hostPort)];
  const { code, stderr } = await tryCommand("conntrack", args);
  if (code !== 0 && !stderr.includes("0 flow entries"))
    throw new Error(`conntrack ${args.join(" ")}: ${stderr.trim()}`);
}

async function del(call: PluginCall): Promise<void> {
  const { mappings } = readPortmapConf(call.config);
  if (mappings.length === 0) return;
  const ours = attachmentComment(call.config.name, call);
  await removeElements((comment) => comment === ours);
}

async function check(call: PluginCall): Promise<void> {
  const result = requirePrevResult(call);
  const wanted = elementsFor(
    readPortmapConf(call.config),
    (result.ips ?? []).map((ip) => ip.address),
  );
  if (wanted.length === 0) return;
  const ours = attachmentComment(call.config.name, call);
  const present = new Set((await listElements()).filter((e) => e.comment === ours).map((e) => `${e.set} ${e.key}`));
  const missing = wanted.find(({ set, key }) => !present.has(`${set} ${key}`));
  if (missing) throw new CniError(CniCode.damaged, `host port mapping ${missing.key} is missing`);
}

async function gc(call: PluginCall, valid: readonly Attached[]): Promise<void> {
  const network = call.config.name;
  const keep = new Set(valid.map((owner) => attachmentComment(network, owner)));
  await removeElements((comment) => comment.startsWith(networkComment(network)) && !keep.has(comment));
}

export const portmap: Plugin = { type: "portmap", add, del, check, gc };

await runAsExecutable(portmap, import.meta.url);
