/**
 * The server's thread: sockets, cache and answers. However busy the agent is, this goes on. It holds nothing that the main
 * thread could not send again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { parsePrefix } from "#cni/lib/addresses.js";
import { Answerer } from "./answerer.js";
import { hurry } from "./hurry.js";
import { listenTcp } from "./tcp-listener.js";
import { listenUdp } from "./udp-listener.js";
import { Upstream } from "./upstream.js";
import type { FromWorker, ToWorker, WorkerSettings } from "./worker-messages.js";
import { ZoneTable } from "./zone-table.js";

const RETRY_MS = 200;

const { address, port, domain, ranges } = workerData as WorkerSettings;
const tell = (message: FromWorker) => parentPort!.postMessage(message);
const now = () => performance.now();
const onError = (error: Error) => tell({ event: "error", message: error.stack ?? error.message });

const zone = { domain, table: new ZoneTable(), ranges: ranges.map(parsePrefix) };
const upstream = new Upstream({ now, onLoop: (server) => tell({ event: "loop", server }) });
const answerer = new Answerer({ zone, elsewhere: upstream, now, onError });

parentPort!.on("message", (message: ToWorker) => {
  if (message.do === "zone-known") answerer.zoneKnown();
  if (message.do === "ask") upstream.setServers(message.servers);
  if (message.do === "change") {
    for (const id of message.remove) zone.table.remove(id);
    for (const part of message.set) zone.table.set(part);
  }
  answerer.forget();
});

/** The address may come a little later than we, and an agent that is on its way out may still hold the port. */
async function untilItListens(listen: () => Promise<unknown>): Promise<void> {
  let said = "";
  for (;;) {
    try {
      await listen();
      return;
    } catch (error) {
      const { message } = error as Error;
      if (message !== said) tell({ event: "cannot-listen", message });
      said = message;
      await sleep(RETRY_MS);
    }
  }
}

try {
  hurry();
} catch (error) {
  tell({ event: "unhurried", message: (error as Error).message });
}
await Promise.all([
  untilItListens(() => listenUdp(answerer, address, port, onError)),
  untilItListens(() => listenTcp(answerer, address, port, onError)),
]);
tell({ event: "listening" });
