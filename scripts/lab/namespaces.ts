/**
 * The machine a lab node believes to be on: a network namespace on the lab's switch, and a mount namespace with its own
 * /run, /var/lib/docker, /var/lib/berth, /var/lib/cni and /var/log in which the lab's own files cannot be seen.
 * Everything here may be repeated: what exists stays.
 */

import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run, runAny } from "#scripts/run.js";
import { machineArgs } from "./machine.js";
import { LAB_RANGE, type Lab, type LabNode, routerAddress, segmentOf } from "./state.js";

const NETNS = "/run/netns";

export const netnsPath = (name: string) => join(NETNS, name);

/** The node's link, as the switch knows it. */
export const switchPort = (node: LabNode) => `p-${node.name}`;

/** Arguments that run a program in the node's network, among the host's files: `nsenter` with them, then the program. */
export const networkArgs = (lab: Lab, node: LabNode) => [`--net=${netnsPath(lab.namespace(node))}`, "--"];

/** Arguments that run a program as the node would: `nsenter` with them, then the program. @throws Error when a machine is off */
export function enterArgs(lab: Lab, node: LabNode): string[] {
  if (node.role === "vm") return machineArgs(lab, node);
  const [net, end] = networkArgs(lab, node);
  return node.role === "server" ? [net!, end!] : [net!, `--mount=${lab.mountNamespace(node)}`, end!];
}

export async function ensureNetns(name: string): Promise<void> {
  if (existsSync(netnsPath(name))) return;
  await run("ip", ["netns", "add", name]);
  await run("ip", ["-n", name, "link", "set", "lo", "up"]);
}

/** The switch a node is plugged into: one a segment, all of them bridges in one namespace of their own. */
const switchOf = (node: LabNode) => `sw${segmentOf(node)}`;

export async function ensureSwitch(lab: Lab): Promise<void> {
  const name = lab.switchNamespace;
  await ensureNetns(name);
  for (const bridge of new Set(lab.state.nodes.map(switchOf))) {
    const { code } = await runAny("ip", ["-n", name, "link", "show", bridge]);
    if (code !== 0) await run("ip", ["-n", name, "link", "add", bridge, "type", "bridge"]);
    await run("ip", ["-n", name, "link", "set", bridge, "up"]);
  }
}

/** The same each time the node is switched on: to another one of its address its neighbours would go on talking, for up to a minute. */
function hardwareAddress({ address }: LabNode): string {
  const bytes = address.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0"));
  return ["02", "be", ...bytes].join(":");
}

/** The node's namespace, with eth0 on its switch, a route to the other segments where there are any, and no default route. */
export async function ensureNodeNetwork(lab: Lab, node: LabNode): Promise<void> {
  const name = lab.namespace(node);
  await ensureNetns(name);
  const { code } = await runAny("ip", ["-n", name, "link", "show", "eth0"]);
  if (code === 0) return;
  const port = switchPort(node);
  const peer = ["type", "veth", "peer", "name", port, "netns", lab.switchNamespace];
  await run("ip", ["-n", name, "link", "add", "eth0", "address", hardwareAddress(node), ...peer]);
  await run("ip", ["-n", lab.switchNamespace, "link", "set", port, "master", switchOf(node), "up"]);
  await run("ip", ["-n", name, "addr", "add", `${node.address}/24`, "dev", "eth0"]);
  await run("ip", ["-n", name, "link", "set", "eth0", "up"]);
  const router = routerAddress(segmentOf(node));
  if (lab.segments.length > 1) await run("ip", ["-n", name, "route", "add", LAB_RANGE, "via", router]);
}

const ownFolders: readonly [folder: string, target: string][] = [
  ["run", "/run"],
  ["docker", "/var/lib/docker"],
  ["cni", "/var/lib/cni"],
  ["log", "/var/log"],
  ["berth", "/var/lib/berth"],
];

async function mountsOf(path: string): Promise<boolean> {
  return (await readFile("/proc/self/mountinfo", "utf8")).includes(` ${path} `);
}

/** Mount namespaces can only be pinned below a mount that does not propagate. */
async function ensurePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (await mountsOf(folder)) return;
  await run("mount", ["--bind", folder, folder]);
  await run("mount", ["--make-private", folder]);
}

export async function ensureNodeMounts(lab: Lab, node: LabNode): Promise<void> {
  const pin = lab.mountNamespace(node);
  await ensurePrivateFolder(join(lab.directory, "ns"));
  if (await mountsOf(pin)) return;
  const own = lab.nodeDirectory(node);
  await writeFile(pin, "");
  await run("unshare", [`--mount=${pin}`, "--propagation", "private", "--", "true"]);
  const inside = (args: string[]) => run("nsenter", [`--mount=${pin}`, "--", "mount", ...args]);
  for (const [folder, target] of ownFolders) {
    await mkdir(join(own, folder), { recursive: true });
    await mkdir(target, { recursive: true });
  }
  if (existsSync("/etc/machine-id")) {
    const file = join(own, "machine-id");
    if (!existsSync(file)) await writeFile(file, `${randomUUID().replaceAll("-", "")}\n`);
    await inside(["--bind", file, "/etc/machine-id"]);
  }
  // /var/lib/berth comes last: the lab's folder, the source of all these, usually lies below it and disappears with it.
  for (const [folder, target] of ownFolders) await inside(["--bind", join(own, folder), target]);
  if (!lab.root.startsWith("/var/lib/berth")) await inside(["-t", "tmpfs", "tmpfs", lab.root]);
  // As systemd has it on a usual host: what is mounted later may be seen in containers, and what they mount on the node. Last, so
  // that the node's own folders share nothing with where they come from.
  await inside(["--make-rshared", "/"]);
}

export async function removeNodeMounts(lab: Lab, node: LabNode): Promise<void> {
  if (await mountsOf(lab.mountNamespace(node))) await run("umount", [lab.mountNamespace(node)]);
}

export async function removeNamespaceFolder(lab: Lab): Promise<void> {
  const folder = join(lab.directory, "ns");
  if (await mountsOf(folder)) await run("umount", [folder]);
}

/** Ids of all processes in a network namespace; none when it does not exist. */
export async function processesIn(namespace: string): Promise<number[]> {
  if (!existsSync(netnsPath(namespace))) return [];
  return (await run("ip", ["netns", "pids", namespace])).split("\n").filter(Boolean).map(Number);
}

export async function removeNetns(name: string): Promise<void> {
  if (existsSync(netnsPath(name))) await run("ip", ["netns", "del", name]);
}
