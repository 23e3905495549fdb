/** `berth lab up`: brings a lab into being, or back to life. Every step looks first at what is already there. */
import { randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { berthCommand } from "#scripts/berth-command.js";
import { step } from "#scripts/progress.js";
import { run, runAny } from "#scripts/run.js";
import { applyFaults } from "./faults.js";
import { imageFile, loadImage } from "./images.js";
import { kubectl } from "./kubectl.js";
import { isPortTaken, listenOn } from "./listen.js";
import { machineInit, powerOnCommand } from "./machine.js";
import { ensureNodeMounts, ensureNodeNetwork, ensureSwitch } from "./namespaces.js";
import { isAlive, logFile, processId, startProcess } from "./processes.js";
import { ensureRouter, parseSegments, placeOnSegments } from "./segments.js";
import {
  growLab,
  type Lab,
  type LabNode,
  type LabTimers,
  loadLab,
  type MachineInit,
  planBlankLab,
  planLab,
} from "./state.js";

export interface UpOptions {
  name: string;
  root: string;
  /** Absent: as many as the lab has, two for a new one. */
  nodes?: number;
  /** Images made and loaded on every node. */
  images: readonly string[];
  /** Port on 127.0.0.1; 0 picks a free one. */
  apiPort: number;
  /** Only for a lab that is not there yet. Default "quick". */
  timers?: LabTimers;
  /** How the nodes of a new lab are spread over networks; see parseSegments. Default: all on one. */
  segments?: string;
  /** A new lab consists of machines with nothing on them but these inits, in turn. */
  vm?: readonly MachineInit[];
}

/**
 * Ports to pick from. They are below those that Linux gives to outgoing connections (32768 and up), one of which could have the
 * port when the server is started again.
 */
const PORTS = { first: 20_000, count: 10_000 };

async function freePort(wanted: number): Promise<number> {
  for (let attempts = 20; ; attempts--) {
    const port = wanted || PORTS.first + randomInt(PORTS.count);
    try {
      const probe = await listenOn(port);
      await new Promise((resolve) => probe.close(resolve));
      return port;
    } catch (error) {
      if (wanted || attempts === 0 || !isPortTaken(error)) throw error;
    }
  }
}

/** Polls until `check` returns a value; `failing` says what did not happen when the time is over. */
export async function until<T>(
  check: () => Promise<T | undefined>,
  timeoutMs: number,
  failing: () => string,
): Promise<T> {
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
  if (lab.state.timers === "kubernetes") args.push("--node-lease", "40", "--toleration-seconds", "300");
  await startProcess(lab, node, "server", [...berthCommand(), ...args], { listenPort: lab.state.apiPort });
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

/**
 * A killed engine leaves files with process ids. Its containerd follows it a moment later, and where the machine's init is slow to
 * collect the dead, a new engine takes those for living ones and gives up.
 */
async function forgetDeadEngine(lab: Lab, node: LabNode): Promise<void> {
  if ((await processId(lab, node, "dockerd")) !== undefined) return;
  for (const name of ["docker.pid", "docker/containerd/containerd.pid"]) {
    const file = join(lab.runDirectory(node), name);
    if (!existsSync(file)) continue;
    const pid = Number(await readFile(file, "utf8"));
    await until(
      async () => !isAlive(pid) || undefined,
      10_000,
      () => `process ${pid} of ${file} does not end`,
    );
    await rm(file, { force: true });
  }
}

/** @param flags further ones, "--live-restore" */
export async function startDockerd(lab: Lab, node: LabNode, flags: readonly string[] = []): Promise<void> {
  await forgetDeadEngine(lab, node);
  await startProcess(lab, node, "dockerd", ["dockerd", ...flags]);
  const socket = `unix://${lab.dockerSocket(node)}`;
  const answers = async () => {
    if ((await processId(lab, node, "dockerd")) === undefined)
      throw new Error(`dockerd ended; see ${logFile(lab, node, "dockerd")}`);
    return (await runAny("docker", ["-H", socket, "version"])).code === 0 ? true : undefined;
  };
  await until(answers, 60_000, () => `dockerd on ${node.name} does not answer; see ${logFile(lab, node, "dockerd")}`);
}

/** Switches a machine on; resolves when its init runs, which then starts its services. */
export async function startMachine(lab: Lab, node: LabNode): Promise<void> {
  await mkdir(lab.nodeDirectory(node), { recursive: true });
  await startProcess(lab, node, "init", powerOnCommand(lab, node));
  const runs = async () => {
    if ((await processId(lab, node, "init")) === undefined)
      throw new Error(`${node.name} went off again; see ${logFile(lab, node, "init")}`);
    return machineInit(lab, node);
  };
  await until(runs, 10_000, () => `${node.name} does not boot; see ${logFile(lab, node, "init")}`);
}

/** The nodes' one disk is the host's: that it is nearly full is no fault of theirs, and nothing they do would help. */
const LAB_EVICTION = "memory.available<100Mi,nodefs.available<2%,imagefs.available<2%,nodefs.inodesFree<2%";

/** Each node has its part of the host's memory, and of its CPUs as many as come to it, one at least. */
function shareOf({ workers }: Lab): string {
  const cores = Math.max(1, Math.floor(cpus().length / workers.length));
  return `cpu=${cores},memory=${Math.floor(totalmem() / workers.length / 1024)}Ki`;
}

/** Starts the node's agent; `token` is needed only before the node has its certificate. */
export async function startAgent(
  lab: Lab,
  node: LabNode,
  token?: string,
  flags: readonly string[] = [],
): Promise<void> {
  const args = ["agent", "--server", `https://${lab.server.address}:6443`, "--node-name", node.name];
  args.push("--node-ip", node.address, "--cgroup-root", lab.cgroupRoot(node));
  args.push("--node-capacity", shareOf(lab));
  args.push("--eviction-hard", LAB_EVICTION, "--eviction-pressure-transition-period", "5s", ...flags);
  // Not as an argument: every user of the host can read those.
  const env = token === undefined ? {} : { BERTH_TOKEN: token };
  await startProcess(lab, node, "agent", [...berthCommand("agent"), ...args], { env });
}

export async function createToken(lab: Lab): Promise<string> {
  const [node, ...args] = [...berthCommand(), "token", "create", "--kubeconfig", lab.kubeconfig];
  return (await run(node!, args)).trim();
}

/**
 * Until every node is Ready and the agents that were started have been heard of since: what the API says may be from before a
 * power cut.
 */
async function waitForNodes(lab: Lab, started: readonly LabNode[], since: number): Promise<void> {
  const ready = '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
  const heard = '{range .items[*]}{.metadata.name}={.spec.renewTime}{"\\n"}{end}';
  let last = "";
  const list = async (jsonpath: string, ...args: string[]) =>
    (await kubectl(lab, ["get", ...args, "-o", `jsonpath=${jsonpath}`])).stdout;
  const all = async () => {
    last = await list(ready, "nodes");
    if (!lab.workers.every(({ name }) => last.includes(`${name}=True`))) return undefined;
    const leases = new Map((await list(heard, "leases", "-n", "kube-node-lease")).split("\n").map(pair));
    return started.every(({ name }) => Date.parse(leases.get(name) ?? "") >= since) ? true : undefined;
  };
  await until(
    all,
    60_000,
    () => `not all nodes became Ready: ${last.trim().replaceAll("\n", ", ") || "none registered"}`,
  );
}

function pair(line: string): readonly [string, string] {
  const at = line.indexOf("=");
  return [line.slice(0, at), line.slice(at + 1)];
}

const NEW_LAB_NODES = 2;

async function findOrPlan(options: UpOptions): Promise<Lab> {
  const { root, name, nodes, apiPort, segments, vm, timers = "quick" } = options;
  const known = await loadLab(root, name);
  if (known && vm && !known.blank) throw new Error(`lab ${name} is there already, and not of machines: lab down first`);
  if (known) return nodes === undefined ? known : growLab(known, nodes);
  const count = nodes ?? NEW_LAB_NODES;
  const lab = vm ? planBlankLab(root, name, count, vm) : planLab(root, name, count, await freePort(apiPort), timers);
  const names = lab.workers.map(({ name }) => name);
  if (segments) placeOnSegments(lab.state, parseSegments(segments, names));
  return lab;
}

async function switchMachinesOn(lab: Lab): Promise<Lab> {
  await step(`switch and ${lab.workers.length} machines with nothing on them`, async () => {
    await ensureSwitch(lab);
    for (const node of lab.workers) await ensureNodeNetwork(lab, node);
    await ensureRouter(lab);
    await applyFaults(lab);
    await Promise.all(lab.workers.map((node) => startMachine(lab, node)));
  });
  return lab;
}

export async function labUp(options: UpOptions): Promise<Lab> {
  const lab = await findOrPlan(options);
  await lab.save();
  if (lab.blank) return await switchMachinesOn(lab);
  const { workers, server } = lab;
  const count = `${workers.length} node${workers.length === 1 ? "" : "s"}`;
  await step(`switch and namespaces for the server and ${count}`, async () => {
    await ensureSwitch(lab);
    for (const node of [server, ...workers]) await ensureNodeNetwork(lab, node);
    await ensureRouter(lab);
    for (const node of workers) await ensureNodeMounts(lab, node);
    await applyFaults(lab);
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
    const began = Date.now();
    const token = await createToken(lab);
    const running = await Promise.all(workers.map((node) => processId(lab, node, "agent")));
    const started = workers.filter((_, index) => running[index] === undefined);
    for (const node of started) await startAgent(lab, node, token);
    await waitForNodes(lab, started, began);
  });
  return lab;
}
