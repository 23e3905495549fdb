/**
 * Three nodes on two segments, a router between that knows neither pods nor services, in a lab of its own. Pods reach one another
 * with their own addresses, Services spread over all, nodes move, go and come back.
 */
import t from "tap";
import type { Node, Pod } from "#api/generated/types.js";
import { labDown } from "#scripts/lab/down.js";
import { netnsPath } from "#scripts/lab/namespaces.js";
import { stopProcess } from "#scripts/lab/processes.js";
import { defaultLabRoot, type LabNode } from "#scripts/lab/state.js";
import { labStatus, renderStatus } from "#scripts/lab/status.js";
import { labUp, startAgent } from "#scripts/lab/up.js";
import { run } from "#scripts/run.js";
import { LabSession, ownLabName, until } from "../lab-session.js";
import { datagram, fetch, fromNode, fromPod, HTTP_PORT, netserver } from "../netserver.js";

const options = {
  name: ownLabName("seg"),
  root: defaultLabRoot(),
  nodes: 3,
  segments: "2",
  images: ["busybox"],
  apiPort: 0,
};
// A node that is away for a moment keeps its pods.
const lab = await labUp({ ...options, timers: "kubernetes" });
t.teardown(() => labDown(lab));
const session = new LabSession(lab);
const [one, two, three] = lab.workers as [LabNode, LabNode, LabNode];

/** Packets of pods and services, not packed into others, that the router has seen. */
const WATCH = `table ip watch {
  counter bare { }
  chain seen {
    type filter hook prerouting priority 0
    ip saddr { 10.244.0.0/16, 10.96.0.0/16 } counter name bare
    ip daddr { 10.244.0.0/16, 10.96.0.0/16 } counter name bare
  }
}
`;
const onRouter = (command: string[], input?: string) =>
  run("nsenter", [`--net=${netnsPath(lab.routerNamespace)}`, ...command], { input });

const servers = lab.workers.map((node) => ({ node, name: `net-${node.name}` }));

async function setUp() {
  await onRouter(["nft", "-f", "-"], WATCH);
  const ns = await session.namespace(t, "segments");
  const service = { selector: { app: "net" }, ports: [{ port: 80, targetPort: HTTP_PORT }], type: "NodePort" };
  await ns.apply(
    ...servers.map(({ node, name }) => ({
      ...netserver(name, {}, { nodeName: node.name }),
      metadata: { name, labels: { app: "net" } },
    })),
    { apiVersion: "v1", kind: "Service", metadata: { name: "net" }, spec: service },
  );
  await ns.kubectl(["wait", "--for=condition=Ready", "pod", "--all", "--timeout=180s"]);
  return ns;
}

const ns = await setUp().catch(async (error) => {
  await labDown(lab);
  throw error;
});
const ipOf = async (pod: string) => (await ns.get<Pod>("pod", pod)).status?.podIP ?? "";
const ips = new Map(await Promise.all(servers.map(async ({ name }) => [name, await ipOf(name)] as const)));
const ask = (node: LabNode) => fromPod(ns, `net-${node.name}`);
const ip = (node: LabNode) => ips.get(`net-${node.name}`)!;

/** What a node knows of the ways to others. */
async function ways(node: LabNode) {
  const print = (...command: string[]) => session.on(node, command).catch(() => "");
  const [routes, neighbours, forwarding] = await Promise.all([
    print("ip", "route", "show", "proto", "119"),
    print("ip", "neigh", "show", "dev", "berth-vxlan"),
    print("bridge", "fdb", "show", "dev", "berth-vxlan"),
  ]);
  return { routes, neighbours, forwarding };
}

t.test("the lab says where its nodes are, and comes back as it was", async (t) => {
  const again = await labUp({ ...options, segments: undefined, images: [] });
  const status = await labStatus(again);
  t.same(
    status.nodes.map(({ name, address, segment }) => `${name} ${address} ${segment}`),
    ["server 10.89.0.2 0", "node-1 10.89.0.11 0", "node-2 10.89.0.12 0", "node-3 10.89.1.13 1"],
  );
  t.match(renderStatus(status), /router +10\.89\.0\.1, 10\.89\.1\.1/);
});

t.test("pods reach one another with their own addresses, by routes and by the tunnel", async (t) => {
  for (const from of lab.workers)
    for (const to of lab.workers)
      t.match(await datagram(ask(from), "/host", ip(to)), { name: `net-${to.name}`, seen: ip(from) });
  t.equal(await fetch(ask(one), ip(three)), "net-node-3", "by TCP");
  t.equal(await fetch(ask(three), ip(one)), "net-node-1", "and back");
  for (const node of lab.workers)
    t.equal(await fetch(fromNode(ns, node), ip(three)), "net-node-3", `from ${node.name}`);
  const { routes } = await ways(one);
  t.match(routes, `via ${two.address} dev eth0`);
  t.match(routes, / dev berth-vxlan /);
});

t.test("a Service spreads over segments", async (t) => {
  const { spec } = JSON.parse(await ns.kubectl(["get", "service", "net", "-o", "json"]));
  const all = servers.map(({ name }) => name);
  const seen = async (ask: () => Promise<string>) => {
    const names = new Set<string>();
    for (let i = 0; i < 60 && names.size < all.length; i++) names.add(await ask());
    return [...names].sort();
  };
  t.same(await seen(() => fetch(fromNode(ns, one), spec.clusterIP, 80)), all, "from a node");
  t.same(await seen(() => fetch(ask(three), spec.clusterIP, 80)), all, "from a pod of the other segment");
  t.same(
    await seen(() => fetch(fromNode(ns, lab.server), three.address, spec.ports[0].nodePort)),
    all,
    "by a NodePort",
  );
});

t.test("big transfers, both ways", async (t) => {
  const make = "yes berth | head -c 20000000";
  const [sum] = (await run("sh", ["-c", `${make} | md5sum`])).split(" ");
  for (const [from, to] of [
    [one, three],
    [three, one],
  ] as const) {
    await ns.kubectl(["exec", `net-${to.name}`, "--", "sh", "-c", `${make} > /www/big`]);
    const url = `http://${ip(to)}:${HTTP_PORT}/big`;
    const got = await ask(from)(["sh", "-c", `timeout 90 wget -qO- ${url} | md5sum`]);
    t.equal(got.split(" ")[0], sum, `${to.name} to ${from.name}`);
    t.equal((await datagram(ask(from), "/host", ip(to), 6000)).received, 6000);
  }
});

t.test("a node with another address", async () => {
  const [before, after] = [three.address, "10.89.1.33"];
  await stopProcess(lab, three, "agent", "SIGKILL");
  await session.on(three, ["ip", "addr", "del", `${before}/24`, "dev", "eth0"]);
  await session.on(three, ["ip", "addr", "add", `${after}/24`, "dev", "eth0"]);
  await session.on(three, ["ip", "route", "replace", "10.89.0.0/16", "via", "10.89.1.1"]);
  three.address = after;
  await lab.save();
  await startAgent(lab, three);
  await until("the Node to have its new address", async () =>
    (await ns.get<Node>("node", "node-3")).status?.addresses?.some(({ address }) => address === after),
  );
  await until("its pod to be reached", async () => (await fetch(ask(one), ip(three))) === "net-node-3");
  await until(
    "its pod to say where it is",
    async () => (await ns.get<Pod>("pod", "net-node-3")).status?.hostIP === after,
  );
  await until(
    "its certificate is good for exec, and its pod reaches others",
    async () => (await fetch(ask(three), ip(two))) === "net-node-2",
  );
  for (const node of [one, two])
    await until(`${node.name} knows one way to it`, async () => {
      const { neighbours, forwarding } = await ways(node);
      const [found, ...more] = neighbours.trim().split("\n");
      return found && more.length === 0 && forwarding.includes(`dst ${after} `) && !forwarding.includes(before);
    });
});

t.test("a node that goes leaves nothing, and gets a range when it comes back", async (t) => {
  const range = (await ns.get<Node>("node", "node-3")).spec.podCIDR!;
  await stopProcess(lab, three, "agent", "SIGKILL");
  await session.kubectl(["delete", "node", "node-3"]);
  for (const node of [one, two]) {
    await until("no way to it", async () => !(await ways(node)).routes.includes(range));
    await until("no tunnel", async () => (await session.on(node, ["ip", "link"])).includes("berth-vxlan") === false);
    await until("no neighbour", async () => {
      const { neighbours, forwarding } = await ways(node);
      return neighbours + forwarding === "";
    });
  }
  t.equal(await fetch(ask(one), ip(two)), "net-node-2", "the others go on");
  await startAgent(lab, three);
  await until("the Node", async () => (await ns.tryGet<Node>("node", "node-3"))?.spec.podCIDR === range);
  await until("a way to it", async () => (await ways(one)).routes.includes(`${range} via`));
});

t.test("no pod's or service's address has passed the router", async (t) => {
  t.match(await onRouter(["nft", "list", "counter", "ip", "watch", "bare"]), /packets 0 /);
});
