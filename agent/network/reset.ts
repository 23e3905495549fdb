/** Takes every trace of the node's network away: for `berth reset`. Goes on past failures and tells them all. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "#cni/lib/command.js";
import { IpBatchError, ipBatch, ipJson, type LinkJson } from "#cni/lib/ip-command.js";
import { nft, nftTableNames } from "#cni/lib/nft.js";
import { AttachmentStore } from "./attachment-store.js";
import { CniRuntime } from "./cni-runtime.js";
import { withdrawPodTraffic } from "./docker-user.js";
import { createRunner } from "./index.js";
import { BRIDGE, ROUTE_PROTOCOL, VXLAN_LINK } from "./plan.js";

export interface ResetOptions {
  /** The agent's, as for openNetwork. */
  dataDir: string;
  cniBinDir?: string | readonly string[];
}

/** Guards go last: until then nothing can take a wrong way out. Call it with no agent running, on the node's own namespace. */
export async function resetNetwork(options: ResetOptions): Promise<void> {
  const failures: Error[] = [];
  const step = async (work: () => Promise<void>) => {
    await work().catch((error: Error) => failures.push(error));
  };
  const directory = join(options.dataDir, "cni");
  const store = new AttachmentStore(join(directory, "results"), (_path, error) => failures.push(error));
  const runtime = new CniRuntime(createRunner(options.cniBinDir), store);
  for (const entry of store.list()) await step(() => runtime.del(entry));
  await step(removeLinks);
  await step(withdrawPodTraffic);
  await step(removeRoutes);
  await step(removeTables);
  if (failures.length > 0) throw new AggregateError(failures, failures.map((error) => error.message).join("; "));
  rmSync(directory, { recursive: true, force: true });
}

/** Tunnel and bridge, and whatever is still plugged into it. */
async function removeLinks(): Promise<void> {
  const links = await ipJson<LinkJson>(["link", "show"]);
  const ours = links.filter(({ ifname, master }) => ifname === BRIDGE || ifname === VXLAN_LINK || master === BRIDGE);
  try {
    await ipBatch(
      ours.map(({ ifname }) => `link del ${ifname}`),
      undefined,
      true,
    );
  } catch (error) {
    if (!(error instanceof IpBatchError && error.reason.includes("Cannot find device"))) throw error;
  }
}

async function removeRoutes(): Promise<void> {
  for (const family of ["-4", "-6"]) await runCommand("ip", [family, "route", "flush", "proto", ROUTE_PROTOCOL]);
}

async function removeTables(): Promise<void> {
  const tables = (await nftTableNames()).filter((table) => /^inet berth-/.test(table));
  await nft(tables.map((table) => `delete table ${table}`));
}
