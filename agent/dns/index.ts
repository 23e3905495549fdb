/**
 * Cluster DNS on this node: every agent answers at the cluster's DNS address, so a name costs no hop and hangs on no single
 * server. This thread follows the API and says which names there are; a thread of its own answers.
 *
 * - names of the cluster: from the zone, which each change of a Service or endpoint reaches at once.
 * - other names:          from the servers in the node's /etc/resolv.conf, remembered as long as their answers allow.
 * - no such servers:      there is no such name, at once.
 */
import { unwatchFile, watchFile } from "node:fs";
import type { Logger } from "pino";
import { hostNameServers } from "#agent/host/resolv-conf.js";
import { followServices, type ServiceInformers } from "#agent/proxy/service-informers.js";
import type { Client } from "#client/client.js";
import { ClusterNames } from "./cluster-names.js";
import { ServerThread } from "./server-thread.js";
import type { ToWorker } from "./worker-messages.js";
import { apexPart } from "./zone.js";

export interface DnsOptions {
  client: Client;
  /** What the agent knows of Services already; the server's own when absent. */
  known?: ServiceInformers;
  /** Where it answers, by UDP and TCP. The address may come to the node later. */
  address: string;
  /** Default 53. */
  port?: number;
  /** "cluster.local" */
  clusterDomain: string;
  /** Pod and service ranges of the cluster. */
  ranges: readonly string[];
  /** The node's own file; default /etc/resolv.conf. Servers in it have port 53 unless `upstreamPort` says otherwise. */
  resolvConf?: string;
  upstreamPort?: number;
  logger: Logger;
  /** Told what a person should know of, in words for an Event of the Node. */
  say?(reason: string, message: string): void;
}

export interface Dns {
  /** Resolves when questions are answered. */
  readonly listening: Promise<void>;
  stop(): Promise<void>;
}

const RESOLV_CONF_MS = 5_000;

export function startDns(options: DnsOptions): Dns {
  const { client, address, port = 53, ranges, logger, resolvConf = "/etc/resolv.conf", upstreamPort = 53 } = options;
  const domain = options.clusterDomain.toLowerCase();
  let complete = false;
  const known = options.known ?? followServices(client);
  const names = new ClusterNames(client, known, domain, (set, remove) => thread.post({ do: "change", set, remove }));
  const askable = (): ToWorker => {
    const others = hostNameServers(resolvConf).filter((server) => server !== address);
    return { do: "ask", servers: others.map((server) => ({ address: server, port: upstreamPort })) };
  };
  const thread: ServerThread = new ServerThread({
    settings: { address, port, domain, ranges },
    logger,
    say: options.say ?? (() => undefined),
    onStart: (post) => {
      post(askable());
      post({ do: "change", set: [apexPart(domain, address)], remove: [] });
      if (complete) names.publishAll();
      if (complete) post({ do: "zone-known" });
    },
  });
  names.published.then(
    () => {
      complete = true;
      thread.post({ do: "zone-known" });
    },
    (error) => logger.debug({ err: error }, "DNS stopped before it knew the cluster's names"),
  );
  const follow = () => thread.post(askable());
  watchFile(resolvConf, { interval: RESOLV_CONF_MS, persistent: false }, follow);
  return {
    listening: thread.listening,
    stop: async () => {
      unwatchFile(resolvConf, follow);
      names.stop();
      if (!options.known) known.stop();
      await thread.stop();
    },
  };
}
