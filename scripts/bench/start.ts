/** `berth server` with its own agent on a machine with a running Docker engine: from nothing, and again, to node Ready. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { berthCommand } from "#scripts/berth-command.js";
import { findKubectl } from "#scripts/lab/kubectl.js";
import { ensureNodeMounts, ensureNodeNetwork, ensureSwitch, enterArgs } from "#scripts/lab/namespaces.js";
import { startProcess, stopProcess } from "#scripts/lab/processes.js";
import { defaultLabRoot, type Lab, type LabNode, planLab } from "#scripts/lab/state.js";
import { startDockerd } from "#scripts/lab/up.js";
import { runAny } from "#scripts/run.js";
import type { Benchmark, BenchOptions, Report } from "./figure.js";
import { withLab } from "./with-lab.js";

const LIMIT_MS = 60_000;

async function isReady(lab: Lab, node: LabNode): Promise<boolean> {
  const kubeconfig = join(lab.nodeDirectory(node), "berth/server/admin.kubeconfig");
  if (!existsSync(kubeconfig)) return false;
  const query = ["get", "nodes", "--no-headers", "--request-timeout=2s"];
  const inside = [...enterArgs(lab, node), await findKubectl(), "--kubeconfig=/var/lib/berth/server/admin.kubeconfig"];
  const { stdout } = await runAny("nsenter", [...inside, ...query]);
  return / Ready /.test(stdout);
}

async function measure(lab: Lab, node: LabNode): Promise<number> {
  const began = performance.now();
  await startProcess(lab, node, "server", [...berthCommand(), "server"]);
  while (!(await isReady(lab, node))) {
    if (performance.now() - began > LIMIT_MS) throw new Error(`no Ready node in ${LIMIT_MS / 1000} s`);
    await sleep(50);
  }
  return (performance.now() - began) / 1000;
}

const NAME = "benchstart";

async function makeMachine(): Promise<Lab> {
  const lab = planLab(defaultLabRoot(), NAME, 1, 0, "quick");
  const node = lab.workers[0]!;
  await lab.save();
  await ensureSwitch(lab);
  for (const part of lab.state.nodes) await ensureNodeNetwork(lab, part);
  await ensureNodeMounts(lab, node);
  await startDockerd(lab, node);
  return lab;
}

async function measureStarts(lab: Lab, report: Report, { progress }: BenchOptions): Promise<void> {
  const node = lab.workers[0]!;
  try {
    progress("first start");
    report({ name: "first-start-to-ready", value: await measure(lab, node), unit: "s" });
    await stopProcess(lab, node, "server");
    progress("second start");
    report({ name: "restart-to-ready", value: await measure(lab, node), unit: "s" });
  } finally {
    await stopProcess(lab, node, "server");
  }
}

function run(report: Report, options: BenchOptions): Promise<void> {
  options.progress("a machine with a Docker engine");
  return withLab(NAME, makeMachine, (lab) => measureStarts(lab, report, options));
}

export const startBenchmark: Benchmark = { name: "start", description: "berth server to node Ready", run };
