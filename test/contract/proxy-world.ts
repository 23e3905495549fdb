/** One node with three pods and a client outside, each in a network namespace of its own, and the proxy's API in memory. */
import { pino } from "pino";
import type { Test } from "tap";
import { guardRoutes, guardRuleset } from "#agent/network/guards.js";
import type { ProxyOptions } from "#agent/proxy/index.js";
import { ensureBridge } from "#cni/bridge/host-bridge.js";
import { tryCommand } from "#cni/lib/command.js";
import { ipBatch } from "#cni/lib/ip-command.js";
import { nft } from "#cni/lib/nft.js";
import { ObjectClient } from "#test/fixtures/object-client.js";
import { type HeldNetns, holdNetns, setSysctl } from "./own-netns.js";

const ranges = { podCIDRs: ["10.244.0.0/16"], serviceCIDRs: ["10.96.0.0/16"] };
/** The node's address towards the client outside. */
export const NODE = "172.31.9.1";
export const OUTSIDE = "172.31.9.2";
export const PODS = { a: "10.244.1.2", b: "10.244.1.3", c: "10.244.1.4" } as const;

export interface ProxyWorld extends Record<keyof typeof PODS, HeldNetns> {
  outside: HeldNetns;
  api: ObjectClient;
  applied: { full: boolean; touched: number; millis: number }[];
  options: ProxyOptions;
}

/** Guards as the agent raises them; again after somebody has flushed them. */
export const raiseGuards = () => nft(guardRuleset(ranges));

/** Everything but the proxy itself. Call it inside a namespace of the test's own. */
export async function openProxyWorld(t: Test): Promise<ProxyWorld> {
  const held: HeldNetns[] = [];
  t.teardown(() => Promise.all(held.map((ns) => ns.end())));
  await ensureBridge({ name: "berth0", addresses: ["10.244.1.1/24"] });
  for (const [name, value] of [
    ["net/ipv4/ip_forward", "1"],
    ["net/bridge/bridge-nf-call-iptables", "1"],
    ["net/ipv4/conf/all/send_redirects", "0"],
    ["net/ipv4/conf/berth0/send_redirects", "0"],
  ] as const)
    setSysctl(name, value);
  await raiseGuards();
  await ipBatch(guardRoutes(ranges));
  const [a, b, c] = [await pod(held, PODS.a), await pod(held, PODS.b), await pod(held, PODS.c)];
  const outside = await holdNetns();
  held.push(outside);
  await ipBatch([
    `link add lan type veth peer name eth0 netns ${outside.path}`,
    `addr add ${NODE}/24 dev lan`,
    "link set lan up",
  ]);
  await ipBatch([`addr add ${OUTSIDE}/24 dev eth0`, "link set eth0 up", "link set lo up"], outside.path);
  const api = new ObjectClient();
  const applied: ProxyWorld["applied"] = [];
  const options: ProxyOptions = {
    client: api.client,
    nodeName: "n",
    podCIDRs: ranges.podCIDRs,
    addresses: [NODE],
    logger: pino({ level: process.env["BERTH_LOG"] ?? "silent" }),
    onApplied: (change) => applied.push(change),
  };
  return { a, b, c, outside, api, applied, options };
}

async function pod(held: HeldNetns[], ip: string): Promise<HeldNetns> {
  const ns = await holdNetns();
  held.push(ns);
  const link = `veth${held.length}`;
  await ipBatch([`link add ${link} type veth peer name eth0 netns ${ns.path}`, `link set ${link} master berth0 up`]);
  await ipBatch([`link set ${link} type bridge_slave hairpin on`]);
  await ipBatch(
    [`addr add ${ip}/24 dev eth0`, "link set eth0 up", "link set lo up", "route add default via 10.244.1.1"],
    ns.path,
  );
  return ns;
}

/** Answers every TCP connection to `port` with `text`; started inside the namespace. */
export const listen = (ns: HeldNetns, port: number, text: string) =>
  ns.spawn("busybox", ["nc", "-ll", "-p", String(port), "-e", "echo", text]);

export const nc = (ip: string, port: number) => ["nc", "-w", "2", ip, String(port)];
/** What the port answers to the node itself; "" when it does not. */
export const here = async (ip: string, port: number) => (await tryCommand("busybox", nc(ip, port))).stdout.trim();
export const from = async (ns: HeldNetns, ip: string, port: number) =>
  (await ns.run("busybox", nc(ip, port))).stdout.trim();

/** How often each answer came. */
export async function many(ask: () => Promise<string>, times = 16): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < times; i++) {
    const answer = await ask();
    counts[answer] = (counts[answer] ?? 0) + 1;
  }
  return counts;
}
