/** `berth reset`: takes every trace of Berth off a host. Goes on past what fails and tells all of it. */
import { existsSync, readFileSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ifPresent } from "./host/if-present.js";
import { processStat } from "./host/process-stat.js";
import { resetNetwork } from "./network/reset.js";
import { LOG_FOLDER, LogLinks } from "./pods/log-links.js";
import { removePodCgroup, stopSlice } from "./pods/pod-cgroup.js";
import { PodDirectories } from "./pods/pod-directories.js";
import { removeAllContainers } from "./runtime/docker/remove-all.js";
import { unmountTree } from "./volumes/mount-points.js";
import { runProgram } from "./volumes/run-program.js";

export interface ResetOptions {
  dataDir: string;
  runDir: string;
  dockerSocket: string;
  cgroupRoot: string;
  /** Told what was done, a line a step. */
  say(text: string): void;
}

const END_PATIENCE_MS = 10_000;

/** @throws AggregateError naming everything that could not be removed; what was removed stays removed */
export async function reset(options: ResetOptions): Promise<void> {
  const { dataDir, runDir, dockerSocket, cgroupRoot, say } = options;
  const failures: Error[] = [];
  const step = async (name: string, work: () => Promise<unknown>) => {
    try {
      await work();
      say(name);
    } catch (error) {
      failures.push(new Error(`${name}: ${(error as Error).message}`));
    }
  };
  await step("agent stopped", () => endAgent(join(dataDir, "server/agent.pid")));
  await step("containers removed", async () => {
    if (existsSync(dockerSocket)) await removeAllContainers(dockerSocket);
  });
  await step("network removed", () => resetNetwork({ dataDir: join(dataDir, "agent") }));
  await step("links to container logs removed", () => removeLogLinks(join(dataDir, "agent")));
  await step("volumes unmounted", () => unmountBelow(join(dataDir, "agent")));
  await step("cgroups removed", async () => {
    await removePodCgroup(join(cgroupRoot, "kubepods"));
    await stopSlice(join(cgroupRoot, "kubepods"));
  });
  if (failures.length === 0) {
    await step("state removed", async () => {
      // Volumes of claims too: no other node can have them.
      for (const path of ["agent", "server", "storage", "agent.log"])
        await rm(join(dataDir, path), { recursive: true, force: true });
      await rm(runDir, { recursive: true, force: true });
    });
  }
  if (failures.length > 0) {
    const list = failures.map((failure) => `  ${failure.message}`).join("\n");
    throw new AggregateError(failures, `not everything could be removed; run it again once this is mended:\n${list}`);
  }
}

async function removeLogLinks(agentFolder: string): Promise<void> {
  const links = new LogLinks(LOG_FOLDER);
  for (const uid of (await ifPresent(readdir(new PodDirectories(agentFolder).root))) ?? []) await links.removePod(uid);
  await links.removeEmptyFolders();
}

/** The agent that a server on this host started and left behind; its pid file also holds its start time. */
async function endAgent(pidFile: string): Promise<void> {
  if (!existsSync(pidFile)) return;
  const [pid = "", startTime] = readFileSync(pidFile, "utf8").trim().split(" ");
  const runs = () => processStat(Number(pid))?.startTicks === startTime;
  for (let waited = 0; runs(); waited += 100) {
    process.kill(Number(pid), waited < END_PATIENCE_MS ? "SIGTERM" : "SIGKILL");
    await sleep(100);
  }
}

/** Of the folder's parts: it may lie on a file system of its own, which is not ours. */
async function unmountBelow(folder: string): Promise<void> {
  for (const name of (await ifPresent(readdir(folder))) ?? []) await unmountTree(join(folder, name), runProgram);
}
