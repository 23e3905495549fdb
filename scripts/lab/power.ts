/**
 * The power switch of a lab node. Off is what a power cut is: everything that runs ends at once, nobody tidies up, and what only
 * memory held (links, rules, mounts, /run, cgroups) is gone. The disk stays.
 */
import { existsSync } from "node:fs";
import { readdir, readFile, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readIfPresent } from "#agent/host/durable-file.js";
import { runAny } from "#scripts/run.js";
import { applyFaults } from "./faults.js";
import {
  ensureNodeMounts,
  ensureNodeNetwork,
  processesIn,
  removeNetns,
  removeNodeMounts,
  switchPort,
} from "./namespaces.js";
import { forgetProcesses, isAlive } from "./processes.js";
import type { Lab, LabNode } from "./state.js";
import { startAgent, startDockerd, startMachine, startServer } from "./up.js";

export async function powerOff(lab: Lab, node: LabNode): Promise<void> {
  await endLeftovers(() => processesIn(lab.namespace(node)));
  await endLeftovers(() => containersOf(lab, node));
  await forgetProcesses(lab, node);
  if (node.role !== "server") {
    await removeNodeMounts(lab, node);
    await removeCgroups(lab, node);
    await empty(lab.runDirectory(node));
  }
  await unplug(lab, node);
  await removeNetns(lab.namespace(node));
}

/** At once: a link that goes with its namespace is still there for a while. */
async function unplug(lab: Lab, node: LabNode): Promise<void> {
  const { code, stderr } = await runAny("ip", ["-n", lab.switchNamespace, "link", "del", switchPort(node)]);
  if (code !== 0 && !/Cannot find device|Cannot open network namespace/.test(stderr)) throw new Error(stderr.trim());
}

/** Starts a node that is off, or what is off of it. */
export async function powerOn(lab: Lab, node: LabNode): Promise<void> {
  await ensureNodeNetwork(lab, node);
  await applyFaults(lab);
  if (node.role === "server") return await startServer(lab);
  if (node.role === "vm") return await startMachine(lab, node);
  await ensureNodeMounts(lab, node);
  await startDockerd(lab, node);
  await startAgent(lab, node);
}

/** Ends processes until there are none. Whatever runs in a namespace of the lab, or below its engine, is the lab's own. */
async function endLeftovers(list: () => Promise<number[]>): Promise<void> {
  for (let round = 0; round < 50; round++) {
    const pids = await list();
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    }
    await sleep(50);
  }
  throw new Error("processes do not end");
}

/** First processes of the node's containers, as its containerd wrote them down: the engine need not answer. */
async function containersOf(lab: Lab, node: LabNode): Promise<number[]> {
  const tasks = join(lab.runDirectory(node), "docker/containerd/daemon/io.containerd.runtime.v2.task/moby");
  if (!existsSync(tasks)) return [];
  const pids: number[] = [];
  for (const id of await readdir(tasks)) {
    const file = join(tasks, id, "init.pid");
    const pid = existsSync(file) ? Number(await readFile(file, "utf8")) : 0;
    if (pid > 0 && isContainer(pid, id)) pids.push(pid);
  }
  return pids;
}

/** An id may be another process' by now; a container's cgroup carries the container's name. */
function isContainer(pid: number, id: string): boolean {
  return isAlive(pid) && (readIfPresent(`/proc/${pid}/cgroup`) ?? "").includes(id);
}

async function empty(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  for (const entry of await readdir(folder)) await rm(join(folder, entry), { recursive: true, force: true });
}

const COLLECTION_ROUNDS = 400;

async function processesOfCgroup(folder: string): Promise<number[]> {
  const lines = (await readFile(join(folder, "cgroup.procs"), "utf8")).split("\n").filter(Boolean);
  return lines.map(Number).filter(isAlive);
}

async function removeTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeTree(join(folder, entry.name));
  }
  // The dead keep their cgroup until they are collected, for which a busy machine's init may take seconds.
  for (let round = 0; ; round++) {
    try {
      return await rmdir(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY" || round === COLLECTION_ROUNDS) throw error;
    }
    // What shares the host's process ids outlives its container's first process.
    await endLeftovers(() => processesOfCgroup(folder));
    await sleep(50);
  }
}

/** Cgroups are folders that only rmdir removes, children first, in every hierarchy. */
async function removeCgroups(lab: Lab, node: LabNode): Promise<void> {
  const base = "/sys/fs/cgroup";
  const roots = [base, ...(await readdir(base)).map((name) => join(base, name))];
  for (const root of roots) {
    const folder = join(root, lab.cgroupRoot(node));
    if (existsSync(folder)) await removeTree(folder);
  }
}
