/** Pods through kubectl on a one-node lab, against the same containers by hand on the same engine. */
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";
import { kubectl } from "#scripts/lab/kubectl.js";
import { processId } from "#scripts/lab/processes.js";
import { defaultLabRoot, type Lab } from "#scripts/lab/state.js";
import { labUp } from "#scripts/lab/up.js";
import type { Benchmark, BenchOptions, Report } from "./figure.js";
import { cpuTicks, residentMegabytes } from "./process-use.js";
import { median } from "./quantile.js";
import { measureRaw } from "./raw-pods.js";
import { withLab } from "./with-lab.js";

const PARALLELISM = 8;
const ROUNDS = 3;
const IDLE_SECONDS = 20;

async function must(lab: Lab, args: readonly string[], input?: string): Promise<string> {
  const result = await kubectl(lab, args, { input });
  if (result.code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${result.stderr}`);
  return result.stdout;
}

export const deployment = (replicas: number) =>
  JSON.stringify({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: { containers: [{ name: "nginx", image: "nginx:latest", imagePullPolicy: "IfNotPresent" }] },
      },
    },
  });

const seconds = (began: number) => (performance.now() - began) / 1000;

async function measureReady(lab: Lab, count: number): Promise<number> {
  const began = performance.now();
  await must(lab, ["apply", "-f", "-"], deployment(count));
  await must(lab, ["rollout", "status", "deployment/web", "--timeout=120s"]);
  return seconds(began);
}

async function measureGone(lab: Lab, engine: Docker): Promise<number> {
  const began = performance.now();
  await must(lab, ["delete", "deployment", "web", "--cascade=foreground", "--timeout=120s"]);
  await must(lab, ["wait", "--for=delete", "pod", "-l", "app=web", "--timeout=120s"]);
  const filters = { label: ["io.kubernetes.pod.namespace=default"] };
  while ((await engine.listContainers({ all: true, filters })).length > 0) await sleep(20);
  return seconds(began);
}

/** Memory of server and agent with the Pods running, and what they burn when nothing happens. */
async function measureProcesses(lab: Lab, report: Report, { progress }: BenchOptions): Promise<void> {
  const node = lab.workers[0]!;
  const pids = { server: (await processId(lab, lab.server, "server"))!, agent: (await processId(lab, node, "agent"))! };
  progress(`idle for ${IDLE_SECONDS} s`);
  await sleep(5000);
  const before = { server: cpuTicks(pids.server), agent: cpuTicks(pids.agent) };
  await sleep(IDLE_SECONDS * 1000);
  for (const name of ["server", "agent"] as const) {
    report({ name: `${name}-resident`, value: residentMegabytes(pids[name]), unit: "MB" });
    report({
      name: `${name}-idle-cpu`,
      value: (cpuTicks(pids[name]) - before[name]) / IDLE_SECONDS,
      unit: "% of a core",
    });
  }
}

async function measure(lab: Lab, report: Report, options: BenchOptions): Promise<void> {
  const count = options.count ?? 30;
  const socket = lab.dockerSocket(lab.workers[0]!);
  const engine = new Docker({ socketPath: socket });
  const pause = (await engine.listImages()).flatMap((i) => i.RepoTags ?? []).find((tag) => tag.includes("pause"));
  if (!pause) throw new Error("the sandbox image is not on the node");
  const own = { ready: [] as number[], gone: [] as number[] };
  const raw = { ready: [] as number[], gone: [] as number[] };
  for (let round = 1; round <= ROUNDS; round++) {
    options.progress(`round ${round} of ${ROUNDS}: ${count} by hand`);
    const times = await measureRaw(socket, pause, count, PARALLELISM);
    raw.ready.push(times.ready);
    raw.gone.push(times.gone);
    options.progress(`round ${round} of ${ROUNDS}: ${count} through kubectl`);
    own.ready.push(await measureReady(lab, count));
    if (round === ROUNDS) await measureProcesses(lab, report, options);
    own.gone.push(await measureGone(lab, engine));
  }
  report({ name: "pods-ready", value: median(own.ready), unit: "s", baseline: median(raw.ready) });
  report({ name: "pods-gone", value: median(own.gone), unit: "s", baseline: median(raw.gone) });
}

function run(report: Report, options: BenchOptions): Promise<void> {
  const up = { name: "bench", root: defaultLabRoot(), nodes: 1, images: ["nginx"], apiPort: 0 };
  return withLab(
    up.name,
    () => labUp(up),
    (lab) => measure(lab, report, options),
  );
}

export const podsBenchmark: Benchmark = {
  name: "pods",
  description: "N nginx Pods ready and gone against raw Docker",
  run,
};
