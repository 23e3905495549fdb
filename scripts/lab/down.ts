/** `berth lab down`: removes every trace of a lab; goes on past what fails and reports all of it. */
import { step } from "#scripts/progress.js";
import { runAny } from "#scripts/run.js";
import { removeNamespaceFolder, removeNetns } from "./namespaces.js";
import { powerOff } from "./power.js";
import { stopProcess } from "./processes.js";
import { removeRouter } from "./segments.js";
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

async function stopProcesses(lab: Lab, failures: Failures): Promise<void> {
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
}

export async function labDown(lab: Lab): Promise<void> {
  const failures = new Failures();
  // Machines are switched off: what runs on them is theirs.
  if (!lab.blank) await step("processes", () => stopProcesses(lab, failures));
  await step("namespaces, mounts, cgroups, files", async () => {
    // What an engine that was killed before left running ends here.
    for (const node of lab.state.nodes) await failures.attempt(() => powerOff(lab, node));
    await failures.attempt(() => removeNamespaceFolder(lab));
    await failures.attempt(() => removeRouter(lab));
    await failures.attempt(() => removeNetns(lab.switchNamespace));
    if (failures.messages.length === 0) await failures.attempt(() => lab.remove());
  });
  if (failures.messages.length > 0)
    throw new Error(`not everything could be removed:\n${failures.messages.join("\n")}`);
}
