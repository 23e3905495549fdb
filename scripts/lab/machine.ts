/**
 * A machine of a lab, as a virtual machine would be: its own processes, host name, machine id, cgroups, disk and network, and an
 * init. How it is put together is in the scripts of the folder `machine`.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readIfPresent } from "#agent/host/durable-file.js";
import { firstChild, recordedProcess } from "./process-record.js";
import type { Lab, LabNode, MachineInit } from "./state.js";

const script = (name: string) => fileURLToPath(new URL(`../../../scripts/lab/machine/${name}`, import.meta.url));

/** To be run in the machine's network namespace; it ends with the machine. */
export function powerOnCommand(lab: Lab, node: LabNode): string[] {
  return [script("power-on"), lab.nodeDirectory(node), node.name, lab.cgroupRoot(node), node.init ?? "sysv"];
}

/**
 * Which init each machine gets.
 * @param text one for all, or one a machine: "systemd,sysv"; empty: systemd where this host has it
 * @throws Error that says what can be chosen
 */
export function parseInits(text: string): MachineInit[] {
  const usual = existsSync(SYSTEMD) ? "systemd" : "sysv";
  return (text || usual).split(",").map((init) => {
    if (init !== "systemd" && init !== "sysv") throw new Error(`--vm ${text}: use systemd or sysv, or one a machine`);
    if (init === "systemd" && usual !== "systemd") throw new Error(`--vm ${text}: there is no ${SYSTEMD} on this host`);
    return init;
  });
}

const SYSTEMD = "/lib/systemd/systemd";

/** The host's id of the machine's first process, once that takes orders; undefined while it is off or boots. */
export function machineInit(lab: Lab, node: LabNode): number | undefined {
  const power = recordedProcess(lab, node, "init");
  const init = power && firstChild(power);
  if (!init || !readIfPresent(`/proc/${init}/cmdline`)?.startsWith("init\0")) return undefined;
  return node.init !== "systemd" || existsSync(machineFile(lab, node, "/run/systemd/private")) ? init : undefined;
}

/** For `nsenter`: what follows runs on the machine. @throws Error when it is off */
export function machineArgs(lab: Lab, node: LabNode): string[] {
  const init = machineInit(lab, node);
  if (init === undefined) throw new Error(`${node.name} is off: berth lab start ${node.name}`);
  return [`--target=${init}`, "--net", "--mount", "--uts", "--ipc", "--cgroup", "--pid", "--", script("enter")];
}

/** Where the host finds a file of the machine's /run, /var/log, /var/lib/berth, /var/lib/docker or /var/lib/cni. */
export const machineFile = (lab: Lab, node: LabNode, path: string) => join(lab.nodeDirectory(node), "own", path);
