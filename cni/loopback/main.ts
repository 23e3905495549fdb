/** Brings `lo` of the container up. Alone it answers with lo's addresses; chained it hands the result on. */

import { CniCode, CniError } from "#cni/lib/error.js";
import { runAsExecutable } from "#cni/lib/executable.js";
import { loopbackIsUp } from "#cni/lib/host-links.js";
import { ipBatch, ipJson, type LinkJson } from "#cni/lib/ip-command.js";
import type { Plugin, PluginCall } from "#cni/lib/plugin.js";
import type { Result } from "#cni/lib/types.js";

async function add({ netns, config }: PluginCall): Promise<Result> {
  if (!loopbackIsUp(netns)) await ipBatch(["link set lo up"], netns);
  if (config.prevResult) return config.prevResult;
  return {
    interfaces: [{ name: "lo", mac: "00:00:00:00:00:00", sandbox: netns }],
    ips: [{ address: "127.0.0.1/8", interface: 0 }],
  };
}

/** `lo` belongs to the namespace and ends with it. */
async function del(): Promise<void> {
  return;
}

async function check({ netns }: PluginCall): Promise<void> {
  const [link] = await ipJson<LinkJson>(["addr", "show", "dev", "lo"], netns);
  if (!link?.flags.includes("UP")) throw new CniError(CniCode.damaged, "loopback interface is down");
}

export const loopback: Plugin = { type: "loopback", add, del, check };

await runAsExecutable(loopback, import.meta.url);
