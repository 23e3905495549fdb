/** `berth lab up`: brings a lab into being, or back to life. Every step looks first at what is already there. */
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { step } from "#scripts/progress.js";
import { run, runAny } from "#scripts/run.js";
import { imageFile, loadImage } from "./images.js";
import { kubectl } from "./kubectl.js";
import { ensureNodeMounts, ensureNodeNetwork, ensureSwitch } from "./namespaces.js";
import { logFile, processId, startProcess } from "./processes.js";
import { type Lab, type LabNode, loadLab, planLab } from "./state.js";

export interface UpOptions {
  name: string;
  root: string;
  nodes: number;
  /** Images made and loaded on every node. */
  images: readonly string[];
  /** Port on 127.0.0.1; 0 picks a free one. */
  apiPort: number;
}

export const berthCommand = () => [process.execPath, fileURLToPath(new URL("../../berth.js", import.meta.url))];

async function freePort(wanted: number): Promise<number> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once("error", reject);
    probe.listen(wanted, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

/** Polls until `check` returns a value; `failing` says what did not happen when the time is over. */
async function until<T>(check: () => Promise<T | undefined>, timeoutMs: number, failing: () => string): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(failing());
    await sleep(100);
  }
}

export async function startServer(lab: Lab): Promise<void> {
  const node = lab.server;
  await mkdir(lab.nodeDirectory(node), { recursive: true });
  const dataDir = join(lab.nodeDirectory(node), "data");
  const args = ["server", "--no-agent", "--data-dir", dataDir, "--advertise-address", node.address, "--lab-profile"];
  await startProcess(lab, node, "server", [...berthCommand(), ...args], lab.state.apiPort);
  const kubeconfig = join(dataDir, "server/admin.kubeconfig");
  const failing = () => `the server did not become ready; see ${logFile(lab, node, "server")}`;
  await until(async () => (existsSync(kubeconfig) ? true : undefined), 20_000, failing);
  const text = await readFile(kubeconfig, "utf8");
  await writeFile(lab.kubeconfig, text.replace(/server: .*/, `server: https://127.0.0.1:${lab.state.apiPort}`), {
    mode: 0o600,
  });
  const ready = async () => ((await kubectl(lab, ["get", "--raw", "/readyz"])).code === 0 ? true : undefined);
  await until(ready, 20_000, failing);
}

export async function startDockerd(lab: Lab, node: LabNode): Promise<void> {
  await startProcess(lab, node, "dockerd", ["dockerd"]);
  const socket = `unix://${lab.dockerSocket(node)}`;
  const answers = async () => {
    if ((await processId(lab, node, "dockerd")) === undefined)
      throw new Error(`dockerd ended; see ${logFile(lab, node, "dockerd")}`);
    return (await runAny("docker", ["-H", socket, "version"])).code === 0 ? true : undefined;
  };
  await until(answers, 60_000, () => `dockerd on ${node.name} does not answer; see ${logFile(lab, node, "dockerd")}`);
}

/** Starts the node's agent; `token` is needed only before the node has its certificate. */
export async function startAgent(lab: Lab, node: LabNode, token?: string): Promise<void> {
  const args = ["agent", "--server", `https://${lab.server.address}:6443`, "--node-name", node.name];
  args.push("--node-ip", node.address, "--cgroup-root", lab.cgroupRoot(node), ...(token ? ["--token", token] : []));
  await startProcess(lab, node, "agent", [...berthCommand(), ...args]);
}

export async function createToken(lab: Lab): Promise<string> {
  const [node, ...args] = [...berthCommand(), "token", "create", "--kubeconfig", lab.kubeconfig];
  return (await run(node!, args)).trim();
}

async function waitForNodes(lab: Lab): Promise<void> {
  const jsonpath = '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
  let last = "";
  const ready = async () => {
    last = (await kubectl(lab, ["get", "nodes", "-o", `jsonpath=${jsonpath}`])).stdout;
    return lab.workers.every((n) => last.includes(`${n.name}=True`)) ? true : undefined;
  };
  await until(
    ready,
    60_000,
    () => `not all nodes became Ready: ${last.trim().replaceAll("\n", ", ") || "none registered"}`,
  );
}

export async function labUp(options: UpOptions): Promise<Lab> {
  let lab = await loadLab(options.root, options.name);
  if (!lab) {
    lab = planLab(options.root, options.name, options.nodes, await freePort(options.apiPort));
    await lab.save();
  }
  const { workers, server } = lab;
  const count = `${workers.length} node${workers.length === 1 ? "" : "s"}`;
  await step(`switch and namespaces for the server and ${count}`, async () => {
    await ensureSwitch(lab);
    for (const node of [server, ...workers]) await ensureNodeNetwork(lab, node);
    for (const node of workers) await ensureNodeMounts(lab, node);
  });
  const docker = Promise.all(workers.map((node) => startDockerd(lab, node)));
  docker.catch(() => undefined); // reported where it is awaited
  await step("API server", () => startServer(lab));
  await step(`Docker engine on ${count}`, () => docker);
  for (const name of options.images) {
    await step(`image ${name}:latest on ${count}`, async () => {
      const file = await imageFile(name);
      await Promise.all(workers.map((node) => loadImage(lab, node, file)));
    });
  }
  await step(`agents joined, ${count} Ready`, async () => {
    const token = await createToken(lab);
    for (const node of workers) await startAgent(lab, node, token);
    await waitForNodes(lab);
  });
  return lab;
}
