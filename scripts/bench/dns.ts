/** Cached answers of a node's DNS: at rest, and while Pods start. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { kubectl } from "#scripts/lab/kubectl.js";
import { enterArgs } from "#scripts/lab/namespaces.js";
import { defaultLabRoot, type Lab } from "#scripts/lab/state.js";
import { labUp } from "#scripts/lab/up.js";
import { run as runProgram } from "#scripts/run.js";
import type { Load } from "./dns-load.js";
import type { Benchmark, BenchOptions, Report } from "./figure.js";
import { deployment } from "./pods.js";
import { withLab } from "./with-lab.js";

interface Server {
  address: string;
  port: number;
}

const CLUSTER_DNS: Server = { address: "10.96.0.10", port: 53 };
/** Where the least server there can be listens, on the node: see udp-answerer.ts. */
const FLOOR: Server = { address: "127.0.0.1", port: 5300 };
const SECONDS = 5;
/** Questions a second while the node is busy with something else: a tenth more than has to be answered. */
const BUSY_RATE = 22_000;
const NAMES = ["kubernetes.default.svc.cluster.local", "kube-dns.kube-system.svc.cluster.local"];

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** Asks from the node itself, as a host-network Pod would. */
async function load(lab: Lab, { address, port }: Server, seconds: number, rate: number | "max"): Promise<Load> {
  const args = [here("dns-load.js"), address, String(port), String(seconds), String(rate), ...NAMES];
  const inside = [...enterArgs(lab, lab.workers[0]!), process.execPath, ...args];
  return JSON.parse(await runProgram("nsenter", inside, { timeoutMs: (seconds + 30) * 1000 })) as Load;
}

/** Runs while `work` does. */
async function withFloor<T>(lab: Lab, work: () => Promise<T>): Promise<T> {
  const args = [here("udp-answerer.js"), FLOOR.address, String(FLOOR.port)];
  const inside = [...enterArgs(lab, lab.workers[0]!), process.execPath, ...args];
  // A session of its own, as the agent has.
  const server = spawn("nsenter", inside, { stdio: ["ignore", "pipe", "inherit"], detached: true });
  try {
    await once(server.stdout!, "data");
    return await work();
  } finally {
    server.kill();
  }
}

function tell(report: Report, when: string, { perSecond, p50, p99, lost }: Load): void {
  report({ name: `dns-${when}`, value: perSecond, unit: "queries/s" });
  report({ name: `dns-${when}-p50`, value: p50, unit: "ms" });
  report({ name: `dns-${when}-p99`, value: p99, unit: "ms" });
  report({ name: `dns-${when}-lost`, value: lost, unit: "queries" });
}

async function measure(lab: Lab, report: Report, { progress, count = 30 }: BenchOptions): Promise<void> {
  const must = async (args: readonly string[], input?: string) => {
    const { code, stderr } = await kubectl(lab, args, { input });
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
  };
  progress("at rest");
  await load(lab, CLUSTER_DNS, 1, "max");
  tell(report, "idle", await load(lab, CLUSTER_DNS, SECONDS, "max"));
  const whilePodsStart = async (when: string, server: Server) => {
    await must(["apply", "-f", "-"], deployment(count));
    const began = performance.now();
    let ready = 0;
    const started = must(["rollout", "status", "deployment/web", "--timeout=180s"]).then(() => {
      ready = (performance.now() - began) / 1000;
    });
    tell(report, when, await load(lab, server, SECONDS, BUSY_RATE));
    await started;
    report({ name: `dns-${when}-pods-ready`, value: ready, unit: "s" });
    await must(["delete", "deployment", "web", "--cascade=foreground", "--timeout=120s"]);
    await must(["wait", "--for=delete", "pod", "-l", "app=web", "--timeout=120s"]);
  };
  progress(`while ${count} Pods start`);
  await whilePodsStart("pods-starting", CLUSTER_DNS);
  progress(`the least server there can be, while ${count} Pods start`);
  await withFloor(lab, () => whilePodsStart("floor-pods-starting", FLOOR));
}

function run(report: Report, options: BenchOptions): Promise<void> {
  const up = { name: "benchdns", root: defaultLabRoot(), nodes: 1, images: ["nginx"], apiPort: 0 };
  return withLab(
    up.name,
    () => labUp(up),
    (lab) => measure(lab, report, options),
  );
}

export const dnsBenchmark: Benchmark = {
  name: "dns",
  description: "cached DNS answers a second, at rest and while N Pods start",
  run,
};
