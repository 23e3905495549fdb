/** `berth server`: the control plane, and the agent of this host. */
import type { Command } from "commander";
import { DEFAULT_RANGES } from "../cluster-ranges.js";
import { DEFAULT_PROXY } from "../controllers/ingress/proxy-pod.js";
import { DEFAULT_DATA_DIR } from "./token.js";

const EXAMPLES = `
Examples:
  berth server                                     control plane and node on this host
  berth server --no-agent --data-dir /tmp/berth --port 7443
                                                   control plane only, on another port
  berth server --tls-san berth.example.org         a name in front of this host
  berth server -- --docker-socket /run/my.sock     what follows -- goes to this host's agent

Then:
  export KUBECONFIG=${DEFAULT_DATA_DIR}/server/admin.kubeconfig
  kubectl get nodes`;

/** The flags, in commander's names. */
export interface ServerFlags {
  readonly dataDir: string;
  readonly bindAddress: string;
  readonly port: string;
  readonly advertiseAddress?: string;
  readonly tlsSan: string[];
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  readonly nodePortRange: string;
  readonly clusterDomain: string;
  readonly vxlanId: string;
  readonly vxlanPort: string;
  readonly vxlanAlways?: boolean;
  readonly agent: boolean;
  readonly ingress: boolean;
  readonly ingressImage: string;
  readonly ingressHttpPort: string;
  readonly ingressHttpsPort: string;
  readonly bookmarkInterval?: string;
  readonly nodeLease?: string;
  readonly tolerationSeconds?: string;
  readonly metricResolution?: string;
  readonly autoscalerSync?: string;
  readonly labProfile?: boolean;
  readonly logLevel: string;
}

export function addServerCommand(program: Command): void {
  const several = (value: string, known: string[]) => [...known, ...value.split(",")];
  program
    .command("server")
    .description("run the control plane, and unless told not to, a node on this host")
    .argument("[agent options...]", "options for this host's agent, after --")
    .option("--data-dir <folder>", "where everything is kept", DEFAULT_DATA_DIR)
    .option("--bind-address <address>", "address to listen on", "0.0.0.0")
    .option("--port <port>", "port of the API", "6443")
    .option("--advertise-address <address>", "address nodes use (default: the source of the default route)")
    .option("--tls-san <name>", "further name or address for the server's certificate; may be repeated", several, [])
    .option("--cluster-cidr <range>", "addresses of Pods", DEFAULT_RANGES.clusterCidr)
    .option("--service-cidr <range>", "addresses of Services", DEFAULT_RANGES.serviceCidr)
    .option("--node-port-range <range>", "ports of NodePort Services", DEFAULT_RANGES.nodePortRange)
    .option("--cluster-domain <name>", "DNS domain of the cluster", DEFAULT_RANGES.clusterDomain)
    .option("--vxlan-id <id>", "identifier of the tunnel between nodes that share no network", DEFAULT_RANGES.vxlanId)
    .option("--vxlan-port <port>", "its UDP port", DEFAULT_RANGES.vxlanPort)
    .option("--vxlan-always", "tunnel also within a network, where it lets only nodes' own addresses through (clouds)")
    .option("--no-agent", "no node on this host")
    .option("--no-ingress", "leave Ingresses to a controller of your own")
    .option("--ingress-image <image>", "nginx that serves Ingresses", DEFAULT_PROXY.image)
    .option("--ingress-http-port <port>", "port of nodes on which Ingresses are served", `${DEFAULT_PROXY.ports.http}`)
    .option("--ingress-https-port <port>", "the same for TLS", `${DEFAULT_PROXY.ports.https}`)
    .option("--bookmark-interval <seconds>", "how often a watch says that it lives (default 10)")
    .option("--node-lease <seconds>", "a node silent for a quarter longer is not ready (default 40)")
    .option("--toleration-seconds <seconds>", "how long Pods stay on a node that is not ready (default 300)")
    .option("--autoscaler-sync <seconds>", "how often autoscalers look at what they scale (default 15)")
    .option("--metric-resolution <seconds>", "how often is measured what nodes and Pods use (default 15)")
    .option("--lab-profile", "quick reactions: bookmarks every 2 s, node lease 3 s, toleration 5 s, metrics every 2 s")
    .option("--log-level <level>", "trace, debug, info, warn or error", "warn")
    .addHelpText("after", EXAMPLES)
    .action(async (agentArgs: string[], flags: ServerFlags) => {
      const { runServer } = await import("./server-run.js");
      await runServer(flags, agentArgs);
    });
}
