/** `berth lab down`: removes every trace of a lab; goes on past what fails and reports all of it. */
import { existsSync } from "node:fs";
import { readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { step } from "#scripts/progress.js";
import { runAny } from "#scripts/run.js";
import { processesIn, removeNamespaceFolder, removeNetns, removeNodeMounts } from "./namespaces.js";
import { stopProcess } from "./processes.js";
import type { Lab, LabNode } from "./state.js";

/** Collects failures of steps that do not depend on one another. */
class Failures {
  readonly messages: string[] = [];
  async attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.messages.push((error as Error).message);
    }
  }
}

async function stopContainers(lab: Lab, node: LabNode): Promise<void> {
  const engine = ["-H", `unix://${lab.dockerSocket(node)}`];
  const { stdout } = await runAny("docker", [...engine, "ps", "--quiet"], { timeoutMs: 20_000 });
  const ids = stdout.split("\n").filter(Boolean);
  if (ids.length > 0) await runAny("docker", [...engine, "kill", ...ids], { timeoutMs: 60_000 });
}

/** Whatever still runs in a namespace of the lab is the lab's own. */
async function endLeftovers(namespace: string): Promise<void> {
  for (let round = 0; round < 50; round++) {
    const pids = await processesIn(namespace);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
      }
    }
    await sleep(100);
  }
  throw new Error(`processes in ${namespace} do not end`);
}

async function removeTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeTree(join(folder, entry.name));
  }
  await rmdir(folder);
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

export async function labDown(lab: Lab): Promise<void> {
  const failures = new Failures();
  await step("processes", async () => {
    await Promise.all(
      lab.workers.map((node) => failures.attempt(() => stopProcess(lab, node, "agent", "SIGTERM", 3000))),
    );
    await failures.attempt(() => stopProcess(lab, lab.server, "server", "SIGTERM", 5000));
    await Promise.all(
      lab.workers.map(async (node) => {
        await failures.attempt(() => stopContainers(lab, node));
        await failures.attempt(() => stopProcess(lab, node, "dockerd", "SIGTERM", 20_000));
      }),
    );
    for (const node of lab.state.nodes) await failures.attempt(() => endLeftovers(lab.namespace(node)));
  });
  await step("namespaces, mounts, cgroups, files", async () => {
    for (const node of lab.workers) {
      await failures.attempt(() => removeNodeMounts(lab, node));
      await failures.attempt(() => removeCgroups(lab, node));
    }
    await failures.attempt(() => removeNamespaceFolder(lab));
    for (const node of lab.state.nodes) await failures.attempt(() => removeNetns(lab.namespace(node)));
    await failures.attempt(() => removeNetns(lab.switchNamespace));
    if (failures.messages.length === 0) await failures.attempt(() => lab.remove());
  });
  if (failures.messages.length > 0)
    throw new Error(`not everything could be removed:\n${failures.messages.join("\n")}`);
}
