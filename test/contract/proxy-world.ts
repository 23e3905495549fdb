/** One node with three pods and a client outside, each in a network namespace of its own, and the proxy's API in memory. */
import { pino } from "pino";
import type { Test } from "tap";
import type { ProxyOptions } from "#agent/proxy/index.js";
import { tryCommand } from "#cni/lib/command.js";
import { ipBatch } from "#cni/lib/ip-command.js";
import { ObjectClient } from "#test/fixtures/object-client.js";
import { bridgedPod, raiseBridge, ranges } from "./bridged-pods.js";
import { type HeldNetns, holdNetns } from "./own-netns.js";

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

/** Everything but the proxy itself. Call it inside a namespace of the test's own. */
export async function openProxyWorld(t: Test): Promise<ProxyWorld> {
  const held: HeldNetns[] = [];
  t.teardown(() => Promise.all(held.map((ns) => ns.end())));
  await raiseBridge();
  const [a, b, c] = [await bridgedPod(held, PODS.a), await bridgedPod(held, PODS.b), await bridgedPod(held, PODS.c)];
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

/** Answers every TCP connection to `port` with `text`; started inside the namespace. */
export const listen = (ns: HeldNetns, port: number, text: string) =>
  ns.spawn("busybox", ["nc", "-ll", "-p", String(port), "-e", "echo", text]);

/** @param seconds how long an answer is waited for: short only where none is expected */
export const nc = (ip: string, port: number, seconds = 10) => ["nc", "-w", String(seconds), ip, String(port)];
/** What the port answers to the node itself; "" when it does not. */
export const here = async (ip: string, port: number, seconds?: number) =>
  (await tryCommand("busybox", nc(ip, port, seconds))).stdout.trim();
export const from = async (ns: HeldNetns, ip: string, port: number, seconds?: number) =>
  (await ns.run("busybox", nc(ip, port, seconds))).stdout.trim();

/**
 * Who answers, sorted: eight times, and on until there are two. That chance leaves one of two out of 32 happens in one of 2³¹ runs;
 * with a fixed count of 16 it was seen to happen.
 */
export async function answers(ask: () => Promise<string>): Promise<string[]> {
  const seen = new Set<string>();
  for (let i = 0; i < 32 && (i < 8 || seen.size < 2); i++) seen.add(await ask());
  return [...seen].sort();
}

/** How often each answer came. */
export async function many(ask: () => Promise<string>, times: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < times; i++) {
    const answer = await ask();
    counts[answer] = (counts[answer] ?? 0) + 1;
  }
  return counts;
}
