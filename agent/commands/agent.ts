import { hostname } from "node:os";
import { setFlagsFromString } from "node:v8";
import { type Command, InvalidArgumentError } from "commander";
import type { AgentOptions } from "../agent-options.js";
import { DEFAULT_HARD } from "../eviction/thresholds.js";
import { askForStopTime, isSystemStopping } from "../host/system-state.js";
import { dockerConfigPlaces } from "../images/node-credentials.js";
import { addImageOptions, type ImageFlags, imageOptions } from "./image-options.js";
import { addTokenOptions, hideToken, joinToken, type TokenFlags } from "./token-option.js";

const EXAMPLES = `
Examples:
  Join this host to a cluster (make the token on the server with: berth token create):
    berth agent --server https://192.0.2.10:6443 --token-file /root/join-token

  Start again later: the certificate is kept, no token is needed:
    berth agent --server https://192.0.2.10:6443

  A virtual machine with several networks, labelled for the scheduler:
    berth agent --server https://192.0.2.10:6443 --token-file ... --interface eth1 --labels disk=ssd,zone=a
`;

/** Seconds for what comes after the last Pod's end: its status, and the agent's own. */
const STOP_MARGIN = 15;

/** What commander hands over, in the flags' names. */
interface Flags
  extends Omit<AgentOptions, "logger" | "nodeIP" | "maxParallelImagePulls" | "token">,
    ImageFlags,
    TokenFlags {
  nodeIp?: string;
  logLevel: string;
}

/** Adds `berth agent`. The agent itself is loaded only when it runs. */
export function addAgentCommand(program: Command): Command {
  const command = program
    .command("agent")
    .description("run this host's Pods: join a cluster as a node")
    .requiredOption("--server <url>", "the API server, https://HOST:6443", url)
    .option("--node-name <name>", "the node's name", nodeName, hostname().toLowerCase())
    .option("--node-ip <address>", "the node's address (default: the source address of the route to the server)")
    .option("--interface <name>", "take the node's address from this interface")
    .option("--labels <key=value,...>", "labels of the Node", labels, {})
    .option("--max-pods <count>", "how many Pods may run here", integer, 110)
    .option(
      "--allowed-unsafe-sysctls <name,...>",
      "sysctls Pods may set besides the safe ones; net.core.* for all",
      list,
    )
    .option("--node-capacity <resource=quantity,...>", "the node's part of a host that several share: cpu=1,memory=2Gi")
    .option("--kube-reserved <resource=quantity,...>", "kept from Pods for agent and engine: cpu=100m,memory=200Mi")
    .option("--system-reserved <resource=quantity,...>", "kept from Pods for the rest of the host")
    .option("--pod-max-pids <count>", "processes a Pod may have (default: no bound of its own)", integer)
    .option("--eviction-hard <signal<quantity,...>", `evict Pods at once (default ${DEFAULT_HARD})`)
    .option("--eviction-soft <signal<quantity,...>", "evict Pods when it stays so for its grace period")
    .option("--eviction-soft-grace-period <signal=duration,...>", "memory.available=1m30s")
    .option("--eviction-max-pod-grace-period <seconds>", "for Pods to end at a soft threshold", integer, 0)
    .option(
      "--eviction-minimum-reclaim <signal=quantity,...>",
      "how much more has to come free: nodefs.available=500Mi",
    )
    .option(
      "--eviction-pressure-transition-period <duration>",
      "how long a pressure stays after it was last seen",
      "5m",
    )
    .option(
      "--pod-manifest-path <folder>",
      "manifests of Pods that run also without an API (default: <data-dir>/manifests)",
    )
    .option("--shutdown-grace-period <seconds>", "for Pods to end when the host goes down", integer, 30)
    .option("--shutdown-grace-period-critical-pods <seconds>", "of these, kept for critical Pods", integer, 10)
    .option("--data-dir <folder>", "where state is kept", "/var/lib/berth")
    .option("--run-dir <folder>", "where sockets and journals are kept", "/run/berth")
    .option("--docker-socket <path>", "the Docker engine's socket", socketPath, "/var/run/docker.sock")
    .option("--sandbox-image <image>", "the sandbox (pause) image (default: one made on the spot)")
    .option("--cgroup-root <path>", "cgroup below which the node's Pods live, for several nodes on a host", "/")
    .option("--cni-conf-dir <folder>", "take the Pod network from the CNI configuration lists here")
    .option("--cni-bin-dir <folder>", "where CNI plugin executables are")
    .option("--kubelet-port <port>", "HTTPS endpoint for the API server (logs, exec)", integer, 10250)
    .option("--healthz-port <port>", "plain /healthz on 127.0.0.1; 0 for none", integer, 10248)
    .option("--log-level <level>", "debug, info, warn or error", "info")
    .addHelpText("after", EXAMPLES);
  return addImageOptions(addTokenOptions(command)).action((flags: Flags) => runAgent(flags));
}

async function runAgent({ logLevel, nodeIp: nodeIP, ...flags }: Flags): Promise<void> {
  hideToken(flags);
  // Keeps V8's nursery at its first size: an agent has little garbage at a time, and 10 MB are a tenth of its budget.
  setFlagsFromString("--semi-space-growth-factor=1");
  const [{ startAgent }, { pino }] = await Promise.all([import("../agent.js"), import("pino")]);
  const serializers = logLevel === "debug" ? undefined : { err: briefly };
  const log = pino.destination(2);
  // On a full disk, say: there is nowhere to say so, and no line is worth the node. DiskPressure tells of it.
  log.on("error", () => undefined);
  const logger = pino({ level: logLevel, base: { node: flags.nodeName }, serializers }, log);
  // A second signal, or one before the agent is up, ends the process at once: nothing would be lost.
  let stop = async (_hostGoesDown: () => Promise<boolean>): Promise<void> => undefined;
  const end = (hostGoesDown: () => Promise<boolean>) => () => {
    stop(hostGoesDown).finally(() => process.exit(0));
    stop = async () => undefined;
  };
  // SIGPWR is how power supplies and their daemons announce the end.
  process.on(
    "SIGPWR",
    end(async () => true),
  );
  process.on("SIGTERM", end(isSystemStopping)).on(
    "SIGINT",
    end(async () => false),
  );
  try {
    const { BERTH_TOKEN, HOME: home, DOCKER_CONFIG: dockerConfig } = process.env;
    const registryConfigs = dockerConfigPlaces({
      dataDir: flags.dataDir,
      workingDir: process.cwd(),
      home,
      dockerConfig,
    });
    const given = { ...flags, ...imageOptions(flags), nodeIP, token: joinToken(flags, BERTH_TOKEN) };
    const agent = await startAgent({ ...given, registryConfigs, logger });
    stop = async (hostGoesDown) => {
      if (!(await hostGoesDown())) return agent.stop();
      await askForStopTime(flags.shutdownGracePeriod! + STOP_MARGIN).catch((error: unknown) =>
        logger.warn({ err: error }, "systemd could not be asked for time: it may end the agent before the Pods"),
      );
      return agent.shutDown();
    };
    logger.info("the agent runs");
  } catch (error) {
    logger.debug({ err: error }, "the agent could not start");
    process.stderr.write(`berth agent: ${(error as Error).message}\n`);
    process.exit(1);
  }
}

/** Where it went wrong is for `--log-level debug`; what went wrong, and why, is for everybody. */
function briefly(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause.message : "";
  return cause && !error.message.includes(cause) ? `${error.message}: ${cause}` : error.message || error.name;
}

function url(text: string): string {
  if (!URL.canParse(text) || new URL(text).protocol !== "https:") {
    throw new InvalidArgumentError("expected https://HOST:PORT");
  }
  return new URL(text).origin;
}

function nodeName(text: string): string {
  if (text.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text)) return text;
  throw new InvalidArgumentError("a node name has lower-case letters, digits, '-' and '.' only");
}

function labels(text: string): Record<string, string> {
  const pairs = text.split(",").filter(Boolean);
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, key, value] = /^([^=]+)=([-A-Za-z0-9_.]*)$/.exec(pair) ?? [];
      if (!key || value === undefined) throw new InvalidArgumentError(`"${pair}" is not KEY=VALUE`);
      return [key, value];
    }),
  );
}

const list = (text: string) => text.split(",").filter(Boolean);

function integer(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("expected a number");
  return Number(text);
}

const socketPath = (text: string) => text.replace(/^unix:\/\//, "");
