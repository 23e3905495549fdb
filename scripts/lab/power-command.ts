/** `berth lab kill | start | restart`: ends and starts parts of a lab, whole nodes, or all of it. */
import type { Command } from "commander";
import { step } from "#scripts/progress.js";
import { powerOff, powerOn } from "./power.js";
import type { ProcessName } from "./process-record.js";
import { processesOf, stopProcess } from "./processes.js";
import type { Lab, LabNode } from "./state.js";
import { labUp, startAgent, startDockerd, startServer } from "./up.js";

export function asProcess(node: LabNode, name: string): ProcessName {
  const known = processesOf(node).find((p) => p === name);
  if (known) return known;
  throw new Error(`${node.name} has no process ${name}: use ${processesOf(node).join(" or ")}`);
}

async function kill(lab: Lab, node: LabNode, part?: string): Promise<void> {
  if (part === undefined) return await step(`${node.name} without power`, () => powerOff(lab, node));
  const ran = await stopProcess(lab, node, asProcess(node, part), "SIGKILL");
  if (!ran) throw new Error(`${part} does not run on ${node.name}`);
}

async function start(lab: Lab, node: LabNode, part?: string): Promise<void> {
  const name = part === undefined ? undefined : asProcess(node, part);
  // A machine without its init is a machine that is off.
  if (name === undefined || name === "init") return await step(`${node.name} started`, () => powerOn(lab, node));
  if (name === "server") await startServer(lab);
  else if (name === "dockerd") await startDockerd(lab, node);
  else await startAgent(lab, node);
}

/** Everything off and on again; workloads, faults and addresses are as before. */
export async function restartLab(lab: Lab): Promise<void> {
  await step("whole lab without power", () => Promise.all(lab.state.nodes.map((node) => powerOff(lab, node))));
  const { name, apiPort } = lab.state;
  await labUp({ name, root: lab.root, apiPort, images: [] });
}

export function addPowerCommands(lab: Command, find: () => Promise<Lab>): void {
  lab
    .command("kill <node> [process]")
    .description("kill -9 one process of a node (server, agent or dockerd); without one, pull the node's plug")
    .action(async (name: string, part?: string) => {
      const found = await find();
      await kill(found, found.node(name), part);
    });
  lab
    .command("start <node> [process]")
    .description("start one process of a node; without one, all of the node")
    .action(async (name: string, part?: string) => {
      const found = await find();
      await start(found, found.node(name), part);
    });
  lab
    .command("restart [node] [process]")
    .description("kill and start a process, a node or, without a node, the whole lab")
    .action(async (name?: string, part?: string) => {
      const found = await find();
      if (name === undefined) return await restartLab(found);
      await kill(found, found.node(name), part);
      await start(found, found.node(name), part);
    });
}
