import { isIP, Server as Listener } from "node:net";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Logger, pino } from "pino";
import { AgentProcess } from "../agent-process.js";
import { clusterConfig } from "../cluster-ranges.js";
import { defaultAddress } from "../host-addresses.js";
import { nodeFlags } from "../node-flags.js";
import { type RunningServer, type ServerOptions, startServer } from "../server.js";
import type { ServerFlags } from "./server.js";
import { storeToken } from "./token-create.js";

const AGENT_TOKEN_SECONDS = 3600;

/** Runs until it is told to stop. */
export async function runServer(flags: ServerFlags, agentArgs: readonly string[]): Promise<void> {
  const began = performance.now();
  const logger = pino({ level: flags.logLevel }, pino.destination(2));
  const options = await serverOptions(flags, logger);
  let agent: AgentProcess | undefined;
  let server: RunningServer | undefined;
  const stop = async () => {
    await agent?.stop();
    await server?.stop();
  };
  stopOnSignals(stop, logger);
  // One forgotten promise must not take every other request down with it.
  process.on("unhandledRejection", (error) => logger.error({ err: error }, "a failure that nobody handled"));
  const handedOver = inheritedListener();
  server = await startServer(options);
  const running = server;
  handedOver?.then((listener) => {
    running.adopt(listener);
    process.send?.({ type: "listening" });
  });
  if (flags.agent) {
    agent = hostAgent(options, server, agentArgs);
    await agent.start();
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  say(`ready in ${seconds} s: https://${options.advertiseAddress}:${server.port}`);
  say(`kubeconfig: ${server.kubeconfig}`);
}

/**
 * A lab's server lives in a network namespace of its own; whoever started it hands it, over Node's IPC channel, a socket
 * that listens on the host's 127.0.0.1, and waits for our word that it is served.
 */
function inheritedListener(): Promise<Listener> | undefined {
  if (!process.channel) return undefined;
  return new Promise((resolve) => {
    process.on("message", (_message, handle) => {
      if (handle instanceof Listener) resolve(handle);
    });
  });
}

function say(text: string): void {
  process.stdout.write(`berth server: ${text}\n`);
}

/** Seconds. The usual ones are those of Kubernetes. */
const USUAL = { bookmarks: "10", nodeLease: "40", toleration: "300", metrics: "15", autoscaler: "15" };
const LAB = { bookmarks: "2", nodeLease: "3", toleration: "5", metrics: "2", autoscaler: "2" };

async function serverOptions(flags: ServerFlags, logger: Logger): Promise<ServerOptions> {
  const profile = flags.labProfile ? LAB : USUAL;
  const advertiseAddress = flags.advertiseAddress ?? (await ownAddress(flags.bindAddress));
  for (const [option, address] of [
    ["--bind-address", flags.bindAddress],
    ["--advertise-address", advertiseAddress],
  ] as const) {
    if (!isIP(address)) throw new Error(`${option} ${address}: expected an IP address of this host`);
  }
  return {
    dataDir: resolve(flags.dataDir),
    bindAddress: flags.bindAddress,
    port: integer("--port", flags.port, 0, 65535),
    advertiseAddress,
    tlsSans: flags.tlsSan,
    cluster: {
      ...clusterConfig(flags),
      nodeLeaseSeconds: integer("--node-lease", flags.nodeLease ?? profile.nodeLease, 1, 3600),
      tolerationSeconds: integer("--toleration-seconds", flags.tolerationSeconds ?? profile.toleration, 0, 86_400),
    },
    ingress: flags.ingress ? ingressOptions(flags) : undefined,
    bookmarkInterval: integer("--bookmark-interval", flags.bookmarkInterval ?? profile.bookmarks, 1, 3600),
    metricResolution: integer("--metric-resolution", flags.metricResolution ?? profile.metrics, 1, 3600),
    autoscalerSync: integer("--autoscaler-sync", flags.autoscalerSync ?? profile.autoscaler, 1, 3600),
    logger,
    progress: (step) => logger.info(step),
  };
}

function ingressOptions({ ingressImage, ingressHttpPort, ingressHttpsPort }: ServerFlags): ServerOptions["ingress"] {
  const http = integer("--ingress-http-port", ingressHttpPort, 1, 65535);
  const https = integer("--ingress-https-port", ingressHttpsPort, 1, 65535);
  if (http === https) throw new Error(`--ingress-https-port ${https}: is the port for plain HTTP already`);
  return { image: ingressImage, ports: { http, https } };
}

/** One who listens on a single address is known by it. */
async function ownAddress(bindAddress: string): Promise<string> {
  return bindAddress === "0.0.0.0" || bindAddress === "::" ? await defaultAddress() : bindAddress;
}

function integer(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new Error(`${option} ${text}: expected a number from ${least} to ${most}`);
  }
  return value;
}

function hostAgent(options: ServerOptions, server: RunningServer, agentArgs: readonly string[]): AgentProcess {
  const { dataDir, advertiseAddress, logger } = options;
  const host = advertiseAddress.includes(":") ? `[${advertiseAddress}]` : advertiseAddress;
  const berth = fileURLToPath(new URL("../../berth.js", import.meta.url));
  const args = ["agent", "--server", `https://${host}:${server.port}`, "--data-dir", dataDir, ...agentArgs];
  return new AgentProcess({
    command: [process.execPath, ...nodeFlags.agent, berth, ...args],
    environment: async () => ({
      BERTH_TOKEN: await storeToken(server.admin, server.pki.authority.certificate, AGENT_TOKEN_SECONDS, Date.now()),
    }),
    pidFile: join(dataDir, "server/agent.pid"),
    logFile: join(dataDir, "agent.log"),
    logger,
  });
}

/** The first signal stops in order, a second one at once: nothing would be lost. */
function stopOnSignals(stop: () => Promise<void>, logger: Logger): void {
  let stopping = false;
  const end = () => {
    if (stopping) process.exit(1);
    stopping = true;
    stop().then(
      () => process.exit(0),
      (error) => {
        logger.error({ err: error }, "stopping failed");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
}
