/**
 * Machines for tests of several nodes: each a namespace with an address on a switch, whose agent's network runs in a process of
 * its own. Pods are namespaces too, and say their name to whoever connects to their port 80.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import type { Node } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { ipBatch, ipJson, type LinkJson, type RouteJson } from "#cni/lib/ip-command.js";
import { NetworkNode, type NodeSettings } from "./network-node.js";
import { eventually, type HeldNetns, holdNetns } from "./own-netns.js";

export const CLUSTER = { podCIDRs: ["10.244.0.0/16"], serviceCIDRs: ["10.96.0.0/16"] };

export interface Machine {
  name: string;
  index: number;
  /** 172.30.<network>.<index> */
  address: string;
  ns: HeldNetns;
  dataDir: string;
}

export interface RunningPod {
  ns: HeldNetns;
  ip: string;
}

/** Everything made here ends with the test. */
export class MachineRoom {
  readonly #root = mkdtempSync(join(tmpdir(), "bt-nodes-"));
  readonly #held: HeldNetns[] = [];
  readonly #running = new Set<NetworkNode>();

  constructor(t: Test) {
    t.teardown(async () => {
      for (const node of this.#running) await node.kill();
      await Promise.all(this.#held.map((ns) => ns.end()));
      rmSync(this.#root, { recursive: true, force: true });
    });
  }

  async namespace(): Promise<HeldNetns> {
    const ns = await holdNetns();
    this.#held.push(ns);
    return ns;
  }

  /** A machine on the switch of that network, a bridge in the test's own namespace. @param routes what it knows besides */
  async machine(index: number, network: { prefix: string; bridge: string }, routes: readonly string[]) {
    const ns = await this.namespace();
    const address = `${network.prefix}.${index}`;
    await ipBatch([
      `link add m${index} type veth peer name eth0 netns ${ns.path}`,
      `link set m${index} master ${network.bridge} up`,
    ]);
    await ipBatch(["link set lo up", `addr add ${address}/24 dev eth0`, "link set eth0 up", ...routes], ns.path);
    return { name: `n${index}`, index, address, ns, dataDir: join(this.#root, `n${index}`) };
  }

  /** A process on the machine, with nothing opened yet. */
  async process({ ns }: Machine): Promise<NetworkNode> {
    const node = await NetworkNode.start(ns.path);
    this.#running.add(node);
    return node;
  }

  /** The machine's agent, which finds these objects in the API. */
  async open(machine: Machine, objects: readonly KubeObject[], settings: Partial<NodeSettings> = {}) {
    const node = await this.process(machine);
    const { name, address, dataDir } = machine;
    const own = { nodeName: name, addresses: [address], dataDir, cluster: CLUSTER };
    await node.call({ do: "open", settings: { ...own, ...settings }, objects: [...objects] });
    return node;
  }

  async pod(node: NetworkNode, id: string, hostPort?: number): Promise<RunningPod> {
    const ns = await this.namespace();
    const { ips } = await node.call<{ ips: string[] }>({ do: "attach", pod: podOf(id, ns, hostPort) });
    ns.spawn("busybox", ["nc", "-ll", "-p", "80", "-e", "echo", id]);
    await eventually(async () => (await ask(ns, "127.0.0.1", 80)) === id);
    return { ns, ip: ips[0] ?? "" };
  }
}

export const nodeObject = ({ name, address, index }: Machine, podCIDR: string | undefined = `10.244.${index}.0/24`) =>
  ({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name },
    spec: podCIDR ? { podCIDR, podCIDRs: [podCIDR] } : {},
    status: { addresses: [{ type: "InternalIP", address }] },
  }) as unknown as Node;

export const podOf = (sandboxId: string, ns: HeldNetns, hostPort?: number) => ({
  sandboxId,
  namespace: "default",
  name: sandboxId,
  uid: sandboxId,
  netns: ns.path,
  hostPorts: hostPort ? [{ hostPort, containerPort: 80, protocol: "tcp" as const, hostIP: "" }] : [],
});

/** What the other side says; nothing when there is no connection in so many seconds. */
export const ask = async (from: HeldNetns, ip: string, port: number, seconds = 10) =>
  (await from.run("busybox", ["nc", "-w", String(seconds), ip, String(port)])).stdout.trim();

/**
 * Who answers, sorted: eight times, and on until there are `wanted`. That chance leaves one of three out of 64 happens in one of 2³⁵
 * runs; with 16 it was seen to happen.
 */
export async function answers(from: HeldNetns, ip: string, port: number, wanted: number): Promise<string[]> {
  const seen = new Set<string>();
  for (let i = 0; i < 64 && (i < 8 || seen.size < wanted); i++) seen.add(await ask(from, ip, port));
  return [...seen].sort();
}

/** Whom `to` sees when `from` connects to it: the connections of its port 99 as netstat prints them. */
export async function peersSeen(t: Test, from: HeldNetns, to: RunningPod): Promise<string> {
  const seen = to.ns.spawn("busybox", ["nc", "-l", "-p", "99", "-e", "sh", "-c", "busybox netstat -tn"]);
  t.teardown(() => seen.kill("SIGKILL"));
  return await eventually(async () => (await ask(from, to.ip, 99)) || undefined);
}

export const links = async ({ ns }: Machine) => (await ipJson<LinkJson>(["link"], ns.path)).map(({ ifname }) => ifname);

/** "destination gateway" of every route of ours to another node. */
export const nodeRoutes = async ({ ns }: Machine) =>
  (await ipJson<RouteJson>(["route", "show", "proto", "119"], ns.path))
    .filter(({ gateway }) => gateway)
    .map(({ dst, gateway }) => `${dst} ${gateway}`)
    .sort();

export const reserved = ({ dataDir }: Machine) =>
  readdirSync(join(dataDir, "cni/networks/berth")).filter((name) => /^\d/.test(name));
