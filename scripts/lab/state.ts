/** What a lab is, on disk: enough to find, repair and remove every part of it. */
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface LabNode {
  name: string;
  /** IPv4 address on the lab switch. */
  address: string;
  /** "vm" is a machine with nothing on it, yet: what runs there is whatever its user installs. */
  role: "server" | "node" | "vm";
  /** What starts and ends a machine's services. */
  init?: MachineInit;
  /** Which of the lab's networks it is on, from 0. Default 0. */
  segment?: number;
}

export type MachineInit = "systemd" | "sysv";

/** A broken link: between two nodes, or (without `b`) between one and everybody else. */
export interface LabFault {
  kind: "partition" | "loss" | "delay";
  a: string;
  b?: string;
  /** Of packets lost, for "loss". */
  percent?: number;
  /** On the way there and back together, for "delay". */
  milliseconds?: number;
}

export interface LabState {
  name: string;
  /** Port on the host's 127.0.0.1 where the API answers. */
  apiPort: number;
  nodes: LabNode[];
  faults?: LabFault[];
  /** How soon a silent node is missed: as quickly as is sound on one machine, or as Kubernetes does. */
  timers?: LabTimers;
}

export type LabTimers = "quick" | "kubernetes";

export const segmentOf = ({ segment = 0 }: LabNode) => segment;

/** The lab LANs, one a segment: only ever used between namespaces that have no route out. */
export const segmentPrefix = (segment: number) => `10.89.${segment}`;
export const LAB_PREFIX = segmentPrefix(0);
/** All segments together. */
export const LAB_RANGE = "10.89.0.0/16";
/** The router's address on a segment. */
export const routerAddress = (segment: number) => `${segmentPrefix(segment)}.1`;
export const defaultLabRoot = () => process.env.BERTH_LAB_DIR ?? "/var/lib/berth/lab";

/** Paths and names that belong to one lab. */
export class Lab {
  readonly directory: string;

  constructor(
    readonly root: string,
    readonly state: LabState,
  ) {
    this.directory = join(root, state.name);
  }

  get server(): LabNode {
    const server = this.state.nodes.find((n) => n.role === "server");
    if (!server) throw new Error(`lab ${this.state.name} consists of machines: it has no server of its own`);
    return server;
  }

  get workers(): LabNode[] {
    return this.state.nodes.filter((n) => n.role !== "server");
  }

  /** Whether it consists of machines on which nothing is installed. */
  get blank(): boolean {
    return this.state.nodes.every((n) => n.role === "vm");
  }

  node(name: string): LabNode {
    const node = this.state.nodes.find((n) => n.name === name);
    if (node) return node;
    throw new Error(
      `no node ${name} in lab ${this.state.name}; it has ${this.state.nodes.map((n) => n.name).join(", ")}`,
    );
  }

  get faults(): readonly LabFault[] {
    return this.state.faults ?? [];
  }

  get switchNamespace(): string {
    return `berth-${this.state.name}-switch`;
  }

  /** From 0, in order. */
  get segments(): number[] {
    return [...new Set(this.state.nodes.map(segmentOf))].sort((a, b) => a - b);
  }

  get routerNamespace(): string {
    return `berth-${this.state.name}-router`;
  }

  get kubeconfig(): string {
    return join(this.directory, "kubeconfig");
  }

  namespace(node: LabNode): string {
    return `berth-${this.state.name}-${node.name}`;
  }

  nodeDirectory(node: LabNode): string {
    return join(this.directory, node.name);
  }

  /** A file that pins the node's mount namespace. */
  mountNamespace(node: LabNode): string {
    return join(this.directory, "ns", `${node.name}.mnt`);
  }

  dockerSocket(node: LabNode): string {
    return join(this.runDirectory(node), "docker.sock");
  }

  /** The node's /run, as the host sees it. */
  runDirectory(node: LabNode): string {
    return join(this.nodeDirectory(node), node.role === "vm" ? "own/run" : "run");
  }

  cgroupRoot(node: LabNode): string {
    return `/berth-${this.state.name}-${node.name}`;
  }

  async save(): Promise<void> {
    await mkdir(this.directory, { recursive: true });
    await chmod(this.directory, 0o700);
    const file = join(this.directory, "lab.json");
    await writeFile(`${file}.new`, `${JSON.stringify(this.state, null, 2)}\n`);
    await rename(`${file}.new`, file);
  }

  /** With the last lab goes the folder of all. */
  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
    if (existsSync(this.root) && (await readdir(this.root)).length === 0) await rmdir(this.root);
  }
}

/** A lab of the given size, not yet on disk. Server first, then node-1, node-2, ... */
export function planLab(root: string, name: string, nodes: number, apiPort: number, timers: LabTimers): Lab {
  checkName(name);
  const server: LabNode = { name: "server", address: `${LAB_PREFIX}.2`, role: "server" };
  return new Lab(root, { name, apiPort, timers, nodes: [server, ...planWorkers(nodes)] });
}

/** A lab of machines with nothing on them, not yet on disk: node-1, node-2, ... @param inits of the machines, in turn */
export function planBlankLab(root: string, name: string, machines: number, inits: readonly MachineInit[]): Lab {
  checkName(name);
  return new Lab(root, { name, apiPort: 0, nodes: planMachines(machines, inits) });
}

function planMachines(count: number, inits: readonly MachineInit[]): LabNode[] {
  return planWorkers(count).map((node, i) => ({ ...node, role: "vm", init: inits[i % inits.length] }));
}

function checkName(name: string): void {
  if (!/^[a-z0-9]{1,12}$/.test(name)) throw new Error(`lab name "${name}": use 1 to 12 lower-case letters and digits`);
}

function planWorkers(count: number): LabNode[] {
  if (!Number.isInteger(count) || count < 1 || count > 50) throw new Error("--nodes: use a number from 1 to 50");
  return Array.from({ length: count }, (_, i) => {
    return { name: `node-${i + 1}`, address: `${LAB_PREFIX}.${11 + i}`, role: "node" };
  });
}

/** The lab with as many nodes as asked for, new ones on the first segment; not yet on disk. @throws Error when that would be fewer than it has */
export function growLab({ root, state, workers, blank }: Lab, nodes: number): Lab {
  const planned = blank ? planMachines(nodes, [workers[0]?.init ?? "sysv"]) : planWorkers(nodes);
  if (planned.length < workers.length)
    throw new Error(`lab ${state.name} has ${workers.length} nodes already, and nodes are only added: lab down first`);
  return new Lab(root, { ...state, nodes: [...state.nodes, ...planned.slice(workers.length)] });
}

export async function loadLab(root: string, name: string): Promise<Lab | undefined> {
  try {
    return new Lab(root, JSON.parse(await readFile(join(root, name, "lab.json"), "utf8")));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export async function requireLab(root: string, name: string): Promise<Lab> {
  const lab = await loadLab(root, name);
  if (lab) return lab;
  const others = await readdir(root).catch(() => []);
  const hint = others.length > 0 ? `labs here: ${others.join(", ")}` : "start one with: berth lab up --nodes 2";
  throw new Error(`no lab named ${name} (${hint})`);
}
