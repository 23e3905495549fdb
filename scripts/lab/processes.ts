/** The processes of a lab: each is known by id and start time, so that a reused id is never taken for ours. */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import type { Server } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isPortTaken, listenOn } from "./listen.js";
import { enterArgs, networkArgs } from "./namespaces.js";
import { type ProcessName, recordedProcess, recordFile, startTimeOf } from "./process-record.js";
import type { Lab, LabNode } from "./state.js";

/** What runs on a node. */
export const processesOf = ({ role }: Pick<LabNode, "role">): readonly ProcessName[] => PROCESSES[role];

const PROCESSES: Readonly<Record<LabNode["role"], readonly ProcessName[]>> = {
  server: ["server"],
  node: ["agent", "dockerd"],
  vm: ["init"],
};

/** Somebody's outgoing connection may have the port for as long as it lasts. */
const PORT_PATIENCE_MS = 10_000;

export const logFile = (lab: Lab, node: LabNode, name: ProcessName) => join(lab.nodeDirectory(node), `${name}.log`);

/** Whether a process runs; one that has ended and was not collected yet does not. */
export const isAlive = (pid: number) => startTimeOf(pid) !== undefined;

/** The id of a lab process, undefined when it does not run. */
export const processId = async (lab: Lab, node: LabNode, name: ProcessName) => recordedProcess(lab, node, name);

/**
 * Starts a program on a node, detached, its output appended to its log. With `listenPort`, a socket that listens on the
 * host's own 127.0.0.1 is handed to it over Node's IPC channel: the one way into the lab.
 */
export async function startProcess(
  lab: Lab,
  node: LabNode,
  name: ProcessName,
  command: readonly string[],
  { listenPort, env = {} }: { listenPort?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<number> {
  const running = await processId(lab, node, name);
  if (running !== undefined) return running;
  // A machine is not there to be entered before its init is.
  const enter = name === "init" ? networkArgs(lab, node) : enterArgs(lab, node);
  const log = openSync(logFile(lab, node, name), "a", 0o600);
  const stdio = ["ignore", log, log, ...(listenPort ? (["ipc"] as const) : [])] as const;
  const child = spawn("nsenter", [...enter, ...command], {
    detached: true,
    stdio: [...stdio],
    env: { ...process.env, ...env },
  });
  const failed = new Promise<never>((_, reject) => child.once("error", reject));
  failed.catch(() => undefined); // observed by the race below
  closeSync(log);
  if (child.pid === undefined) return failed;
  await mkdir(dirname(recordFile(lab, node, name)), { recursive: true });
  const startTime = startTimeOf(child.pid);
  if (startTime === undefined)
    throw new Error(`${name} on ${node.name} ended at once; see ${logFile(lab, node, name)}`);
  await writeFile(recordFile(lab, node, name), JSON.stringify({ pid: child.pid, startTime }));
  if (listenPort) await Promise.race([failed, handOver(child, listenPort)]);
  child.unref();
  return child.pid;
}

/** Hands the server a socket that listens and waits for its word: a message that is not read before the channel closes is lost. */
async function handOver(child: ReturnType<typeof spawn>, port: number): Promise<void> {
  const taken = new Promise<void>((resolve, reject) => {
    child.once("message", () => resolve());
    child.once("exit", (code) => reject(new Error(`it ended with ${code}`)));
  });
  taken.catch(() => undefined); // awaited when the socket is on its way
  try {
    await offer(child, port);
    await taken;
  } finally {
    // A channel that stays open would keep us from ending, also when this has failed.
    if (child.connected) child.disconnect();
  }
}

async function offer(child: ReturnType<typeof spawn>, port: number): Promise<void> {
  const listener = await listenPatiently(port);
  await new Promise<void>((resolve, reject) => {
    child.send({ type: "listen" }, listener, (error) => {
      // At once: who connects to it here would never be answered.
      listener.close();
      if (error) reject(error);
      else resolve();
    });
  });
}

async function listenPatiently(port: number): Promise<Server> {
  const deadline = performance.now() + PORT_PATIENCE_MS;
  for (;;) {
    try {
      return await listenOn(port);
    } catch (error) {
      if (!isPortTaken(error) || performance.now() > deadline) throw error;
    }
    await sleep(200);
  }
}

/** After the node's processes have ended by another hand. */
export async function forgetProcesses(lab: Lab, node: LabNode): Promise<void> {
  await rm(join(lab.nodeDirectory(node), "pids"), { recursive: true, force: true });
}

/** Sends a signal and waits until the process is gone; SIGKILL after `patienceMs`. True when it ran. */
export async function stopProcess(
  lab: Lab,
  node: LabNode,
  name: ProcessName,
  signal: NodeJS.Signals = "SIGTERM",
  patienceMs = 15_000,
): Promise<boolean> {
  const pid = await processId(lab, node, name);
  if (pid === undefined) return false;
  process.kill(pid, signal);
  const deadline = performance.now() + patienceMs;
  while ((await processId(lab, node, name)) !== undefined) {
    if (performance.now() > deadline) process.kill(pid, "SIGKILL");
    await sleep(20);
  }
  await rm(recordFile(lab, node, name), { force: true });
  return true;
}
