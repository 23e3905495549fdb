/**
 * A machine of a lab, as a virtual machine would be: its own processes, host name, machine id, cgroups, disk and network, and an
 * init that starts what /etc/rc2.d names. How it is put together is in the scripts of the folder `machine`.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { firstChild, readIfPresent, recordedProcess } from "./process-record.js";
import type { Lab, LabNode } from "./state.js";

const script = (name: string) => fileURLToPath(new URL(`../../../scripts/lab/machine/${name}`, import.meta.url));

/** To be run in the machine's network namespace; it ends with the machine. */
export function powerOnCommand(lab: Lab, node: LabNode): string[] {
  return [script("power-on"), lab.nodeDirectory(node), node.name, lab.cgroupRoot(node)];
}

/** The host's id of the machine's first process, once that is its init; undefined while it is off or boots. */
export function machineInit(lab: Lab, node: LabNode): number | undefined {
  const power = recordedProcess(lab, node, "init");
  const init = power && firstChild(power);
  return init && readIfPresent(`/proc/${init}/cmdline`)?.startsWith("init\0") ? init : undefined;
}

/** For `nsenter`: what follows runs on the machine. @throws Error when it is off */
export function machineArgs(lab: Lab, node: LabNode): string[] {
  const init = machineInit(lab, node);
  if (init === undefined) throw new Error(`${node.name} is off: berth lab start ${node.name}`);
  return [`--target=${init}`, "--net", "--mount", "--uts", "--ipc", "--cgroup", "--pid", "--", script("enter")];
}

/** Where the host finds a file of the machine's /run, /var/log, /var/lib/berth, /var/lib/docker or /var/lib/cni. */
export const machineFile = (lab: Lab, node: LabNode, path: string) => join(lab.nodeDirectory(node), "own", path);
