/** Network policies against a real kernel: pods on one bridge, a client from outside, each in a namespace of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { pino } from "pino";
import t, { type Test } from "tap";
import type { AttachedPod } from "#agent/network/network.js";
import { startPolicy } from "#agent/policy/index.js";
import { startProxy } from "#agent/proxy/index.js";
import type { NetworkPolicy, PodPeer } from "#api/generated/types.js";
import { ipBatch } from "#cni/lib/ip-command.js";
import { nft } from "#cni/lib/nft.js";
import { ObjectClient } from "#test/fixtures/object-client.js";
import { namespace, type PeerShape, peer, policy } from "#test/fixtures/policies.js";
import { service, slice } from "#test/fixtures/services.js";
import { bridgedPod, raiseBridge } from "./bridged-pods.js";
import { enterOwnNetns, eventually, type HeldNetns, holdNetns } from "./own-netns.js";

await enterOwnNetns(import.meta.url);

const NODE = "172.31.9.1";
const OUTSIDE = "172.31.9.2";
const PORTS = [80, 81, 8080, 9000];
const held: HeldNetns[] = [];
t.teardown(() => Promise.all(held.map((ns) => ns.end())));

/** Answers on {@link PORTS} over TCP and on 53 over UDP, and echoes on 7. */
const SERVER = `
  const net = require("net");
  for (const port of ${JSON.stringify(PORTS)}) net.createServer((s) => s.on("error", () => 0).end("yes")).listen(port);
  net.createServer((s) => s.on("error", () => 0).pipe(s)).listen(7);
  const udp = require("dgram").createSocket("udp4");
  udp.on("message", (_, from) => udp.send("yes", from.port, from.address)).bind(53);`;

/** Tries "tcp ip port" and "udp ip port", all at a time; prints those that answered. Waits longest for the first so many. */
const CLIENT = `
  const targets = JSON.parse(process.argv[1]);
  const awaited = targets.slice(0, Number(process.argv[2]));
  const reached = new Set();
  for (const target of targets) {
    const [protocol, ip, port] = target.split(" ");
    const answered = () => reached.add(target);
    if (protocol === "tcp") require("net").connect(port, ip).on("error", () => 0).on("data", answered);
    else {
      const socket = require("dgram").createSocket("udp4").on("message", answered).on("error", () => 0);
      socket.send("x", port, ip);
    }
  }
  const began = Date.now();
  setInterval(() => {
    const spent = Date.now() - began;
    const idle = awaited.every((target) => reached.has(target)) && (awaited.length === targets.length || spent > 350);
    if (!idle && spent < 1500) return;
    console.log(JSON.stringify([...reached]));
    process.exit();
  }, 10);`;

async function wire(ip: string): Promise<HeldNetns> {
  const ns = await bridgedPod(held, ip);
  ns.spawn(process.execPath, ["-e", SERVER]);
  return ns;
}

await raiseBridge();

const ips = { web: "10.244.1.2", client: "10.244.1.3", other: "10.244.1.4", far: "10.244.1.5" };
const [web, client, other, far] = (await Promise.all(Object.values(ips).map(wire))) as [
  HeldNetns,
  HeldNetns,
  HeldNetns,
  HeldNetns,
];
const outside = await holdNetns();
held.push(outside);
await ipBatch([
  `link add lan type veth peer name eth0 netns ${outside.path}`,
  `addr add ${NODE}/24 dev lan`,
  "link set lan up",
]);
await ipBatch(
  [`addr add ${OUTSIDE}/24 dev eth0`, "link set eth0 up", "link set lo up", `route add 10.244.0.0/16 via ${NODE}`],
  outside.path,
);
outside.spawn(process.execPath, ["-e", SERVER]);

const api = new ObjectClient();
const attached = new Map<string, AttachedPod>();
/** A pod as both the API and this node know it. */
function pod(name: keyof typeof ips, shape: PeerShape = {}): PodPeer {
  const object = peer(name, ips[name], shape);
  api.apply(object);
  const { namespace = "", uid } = object.metadata;
  attached.set(name, { namespace, name, uid, ips: [ips[name]] });
  return object;
}
const named = [{ name: "http", port: 80, protocol: "TCP" }];
for (const [name, labels] of [
  ["default", { "kubernetes.io/metadata.name": "default" }],
  ["remote", { team: "a" }],
] as const)
  api.apply(namespace(name, labels));
pod("web", { ports: named });
pod("client");
pod("other");
const remote = (app: string): PeerShape => ({
  namespace: "remote",
  labels: { app },
  ports: [{ name: "http", port: 8080, protocol: "TCP" }],
});
pod("far", remote("client"));

const applied: { full: boolean; touched: number; millis: number }[] = [];
const logger = pino({ level: process.env["BERTH_LOG"] ?? "silent" });
const options = {
  client: api.client,
  families: [4] as const,
  attachedPods: () => [...attached.values()],
  logger,
  onApplied: (x: (typeof applied)[number]) => applied.push(x),
};
let node = startPolicy(options);
t.teardown(() => node.stop());
const proxy = startProxy({ client: api.client, nodeName: "n", logger });
t.teardown(() => proxy.stop());

const tcp = (ip: string, ...ports: number[]) => ports.map((port) => `tcp ${ip} ${port}`);
const udp = (ip: string) => `udp ${ip} 53`;
async function reached(from: HeldNetns, may: readonly string[], mayNot: readonly string[] = []): Promise<string[]> {
  const args = ["-e", CLIENT, JSON.stringify([...may, ...mayNot]), String(may.length)];
  const { stdout, stderr } = await from.run(process.execPath, args);
  if (stderr) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** What must not get through is tried once; what must may need longer than that on a busy machine. */
async function expect(t: Test, from: HeldNetns, may: readonly string[], mayNot: readonly string[], text: string) {
  await node.idle();
  let got = await reached(from, may, mayNot);
  t.same(
    got.filter((target) => mayNot.includes(target)),
    [],
    `${text}: kept out`,
  );
  for (let i = 0; i < 5 && !may.every((target) => got.includes(target)); i++)
    got = [...got, ...(await reached(from, may))];
  t.same(
    may.filter((target) => !got.includes(target)),
    [],
    `${text}: let in`,
  );
}

/** Policies in force for the length of one test. */
function inForce(t: Test, ...policies: NetworkPolicy[]): void {
  for (const one of policies) api.apply(one);
  t.teardown(() => {
    for (const one of policies) api.remove(one);
  });
}

const all = (ip: string) => [...tcp(ip, 80, 81), udp(ip)];
const webOnly = { podSelector: { matchLabels: { app: "web" } } };
for (const ip of Object.values(ips)) await eventually(async () => (await reached(outside, all(ip))).length === 3);

t.test("default deny: nothing comes in but from the node, everything goes out", async (t) => {
  inForce(t, policy("deny", webOnly));
  await expect(t, client, all(ips.other), all(ips.web), "from a pod");
  await expect(t, outside, [], all(ips.web), "from outside");
  await expect(t, web, [...all(ips.other), ...all(OUTSIDE)], [], "and out");
  const probe = connect(80, ips.web);
  t.match(String(((await once(probe, "data")) as [Buffer])[0]), "yes", "the node's probes get through");
  probe.destroy();
});

t.test("default deny of egress: nothing goes out but to the node, answers do", async (t) => {
  inForce(t, policy("deny", { ...webOnly, egress: [] }));
  await expect(t, web, [], [...all(ips.other), ...all(OUTSIDE)], "out");
  await expect(t, client, all(ips.web), [], "and in");
  const server = createServer((socket) => socket.end("yes")).listen(80, "10.244.1.1");
  await once(server, "listening");
  await expect(t, web, tcp("10.244.1.1", 80), [], "to the node");
  server.close();
});

t.test("peers by labels of pods, of namespaces, of both", async (t) => {
  const from = (peerOf: object) => policy("allow", { ...webOnly, ingress: [{ from: [peerOf] }] });
  const app = { podSelector: { matchLabels: { app: "client" } } };
  const team = { namespaceSelector: { matchLabels: { team: "a" } } };
  inForce(t, from(app));
  await expect(t, client, all(ips.web), [], "own namespace");
  await expect(t, other, [], all(ips.web), "another label");
  await expect(t, far, [], all(ips.web), "another namespace");
  api.apply(from(team));
  await expect(t, far, all(ips.web), [], "a namespace");
  await expect(t, client, [], all(ips.web), "the own one is not meant");
  api.apply(from({ ...app, ...team }));
  await expect(t, far, all(ips.web), [], "both");
  pod("far", remote("else"));
  await expect(t, far, [], all(ips.web), "a pod's labels change");
  pod("far", remote("client"));
  await expect(t, far, all(ips.web), [], "and back");
  api.apply(namespace("remote", { team: "b" }));
  await expect(t, far, [], all(ips.web), "a namespace's labels change");
  api.apply(namespace("remote", { team: "a" }));
});

t.test("ports: by number, range, name and protocol", async (t) => {
  const ports = (...list: object[]) => policy("ports", { ...webOnly, ingress: [{ ports: list }] });
  inForce(t, ports({ protocol: "TCP", port: 81 }));
  await expect(t, client, tcp(ips.web, 81), [...tcp(ips.web, 80, 8080), udp(ips.web)], "number");
  api.apply(ports({ protocol: "TCP", port: 8000, endPort: 9000 }));
  await expect(t, client, tcp(ips.web, 8080, 9000), tcp(ips.web, 80, 81), "range");
  api.apply(ports({ protocol: "TCP", port: "http" }));
  await expect(t, client, tcp(ips.web, 80), tcp(ips.web, 81), "name");
  pod("web", { ports: [{ name: "http", port: 81, protocol: "TCP" }] });
  await expect(t, client, tcp(ips.web, 81), tcp(ips.web, 80), "the name moves");
  pod("web", { ports: named });
  api.apply(ports({ protocol: "UDP" }));
  await expect(t, client, [udp(ips.web)], tcp(ips.web, 80), "protocol");
  const out = { to: [{ podSelector: {} }, { namespaceSelector: {} }], ports: [{ protocol: "TCP", port: "http" }] };
  api.apply(policy("ports", { podSelector: { matchLabels: { app: "other" } }, egress: [out] }));
  const wrong = [...tcp(ips.web, 8080), ...tcp(ips.far, 80)];
  await expect(
    t,
    other,
    [...tcp(ips.web, 80), ...tcp(ips.far, 8080)],
    wrong,
    "name, with each destination's own number",
  );
});

t.test("ipBlock with exceptions", async (t) => {
  const blocks = (...list: object[]) => policy("blocks", { ...webOnly, ingress: [{ from: list }] });
  inForce(t, blocks({ ipBlock: { cidr: "172.31.0.0/16", except: ["172.31.9.0/24"] } }));
  await expect(t, outside, [], all(ips.web), "in the exception");
  api.apply(blocks({ ipBlock: { cidr: "172.31.0.0/16", except: ["172.31.9.3/32", "172.31.9.0/31"] } }));
  await expect(t, outside, all(ips.web), [], "beside the exceptions");
  await expect(t, client, [], all(ips.web), "outside of the block");
  const hole = { ipBlock: { cidr: "0.0.0.0/0", except: ["172.31.9.0/24"] } };
  api.apply(blocks(hole, { ipBlock: { cidr: "172.31.9.2/32" } }));
  await expect(t, outside, all(ips.web), [], "one block's exception is another's own");
  api.apply(policy("blocks", { ...webOnly, egress: [{ to: [{ ipBlock: { cidr: `${OUTSIDE}/32` } }] }] }));
  await expect(t, web, all(OUTSIDE), all(ips.other), "egress");
});

t.test("egress of one and ingress of the other must both allow", async (t) => {
  const app = (name: string) => ({ matchLabels: { app: name } });
  inForce(
    t,
    policy("in", { ...webOnly, ingress: [{ from: [{ podSelector: app("client") }, { podSelector: app("other") }] }] }),
    policy("out", { podSelector: app("client"), egress: [{ to: [{ podSelector: app("other") }] }] }),
  );
  await expect(t, client, all(ips.other), all(ips.web), "egress forbids");
  await expect(t, other, all(ips.web), [], "both allow");
  api.apply(policy("out", { podSelector: app("client"), egress: [{ to: [{ podSelector: app("web") }] }] }));
  await expect(t, client, all(ips.web), all(ips.other), "now egress allows");
});

t.test("through a Service the pods are seen, also by a pod that reaches itself", async (t) => {
  api.apply(service("svc", "10.96.0.9", { type: "NodePort", ports: [{ port: 8000, nodePort: 30080 }] }));
  api.apply(slice("svc", { [ips.web]: "n" }));
  await proxy.idle();
  inForce(t, policy("deny", webOnly), policy("out", { ...webOnly, egress: [] }));
  await expect(t, web, tcp("10.96.0.9", 8000), [], "itself, though everything is denied");
  await expect(t, client, [], tcp("10.96.0.9", 8000), "another pod");
  const allow = [{ from: [{ podSelector: { matchLabels: { app: "client" } } }], ports: [{ port: 80 }] }];
  api.apply(policy("deny", { ...webOnly, ingress: allow }));
  await expect(t, client, tcp("10.96.0.9", 8000), [], "the pod's port counts, not the Service's");
  await expect(t, outside, [], tcp(NODE, 30080), "a node port");
  const clients = [{ from: [{ ipBlock: { cidr: `${OUTSIDE}/32` } }] }];
  api.apply(policy("deny", { ...webOnly, ingress: clients }));
  await expect(t, outside, tcp(NODE, 30080), [], "a node port, by the client's own address");
});

t.test("a pod nobody knows is closed, one that is protected is safe before it runs", async (t) => {
  const strange = { namespace: "default", name: "other", uid: "another uid", ips: [ips.other] };
  attached.set("other", strange);
  node.released();
  await expect(t, client, [], all(ips.other), "to it");
  await expect(t, other, [], all(ips.web), "from it");
  const impatient = startPolicy({ ...options, patienceMillis: 50, onApplied: undefined });
  await t.rejects(impatient.protect(strange), /pod default\/other is not known to network policy yet/);
  await impatient.stop();
  const waiting = node.protect(strange);
  inForce(t, policy("deny", { podSelector: { matchLabels: { app: "other" } } }));
  api.apply(peer("other", undefined, { uid: strange.uid }));
  await waiting;
  await expect(t, client, [], all(ips.other), "its address is known here before the API has it");
  await expect(t, other, all(ips.web), [], "and it goes out");
  pod("other");
});

t.test("connections go on: when a policy comes, when the agent is killed, when the table is lost", async (t) => {
  const echo = `
    const socket = require("net").connect(7, "${ips.web}");
    socket.on("data", (data) => process.stdout.write(data));
    process.stdin.pipe(socket);`;
  const open = spawn("nsenter", [`--net=${client.path}`, process.execPath, "-e", echo]);
  const say = async (text: string) => {
    open.stdin.write(text);
    return String(((await once(open.stdout, "data")) as [Buffer])[0]);
  };
  t.equal(await say("before"), "before");
  inForce(t, policy("deny", webOnly));
  await expect(t, client, [], tcp(ips.web, 80), "new connections");
  t.equal(await say("denied"), "denied", "an open one is not new");
  await node.stop();
  t.same(await reached(client, [], all(ips.web)), [], "the rules stay when nobody follows");
  applied.length = 0;
  // While the table is replaced, again and again, nothing may slip through.
  const attempts = `
    let tries = 0;
    const end = Date.now() + 1500;
    const attempt = () => {
      if (Date.now() > end) { console.log(tries, "none"); process.exit(); }
      tries++;
      const socket = require("net").connect(80, "${ips.web}").on("error", () => 0);
      socket.on("connect", () => { console.log("connected after", tries); process.exit(); });
      setTimeout(() => socket.destroy(), 20);
      setTimeout(attempt, 2);
    };
    attempt();`;
  const hammer = client.run(process.execPath, ["-e", attempts]);
  for (let i = 0; i < 10; i++) {
    const next = startPolicy(options);
    await next.idle();
    await next.stop();
  }
  t.match((await hammer).stdout, /none/, "not for a moment");
  t.ok(applied.length === 10 && applied.every(({ full }) => full));
  node = startPolicy({ ...options, checkMillis: 100 });
  await node.idle();
  t.equal(await say("after"), "after", "and the connection goes on");
  await nft("delete table inet berth-policy");
  await eventually(async () => (await reached(client, [], tcp(ips.web, 80))).length === 0);
  open.kill();
});

t.test("a thousand pods in a group: one more is one element", async (t) => {
  await node.stop();
  for (let i = 0; i < 1000; i++)
    api.apply(peer(`p${i}`, `10.244.${10 + (i >> 8)}.${i & 255}`, { namespace: "remote", labels: { app: "many" } }));
  const many = { namespaceSelector: {}, podSelector: { matchLabels: { app: "many" } } };
  const rules = policy("many", { ...webOnly, ingress: [{ from: [many] }] });
  inForce(t, rules);
  applied.length = 0;
  node = startPolicy(options);
  await node.idle();
  api.apply(peer("one-more", "10.244.20.1", { namespace: "remote", labels: { app: "many" } }));
  await node.idle();
  api.apply(peer("no-concern", "10.244.20.2", { namespace: "remote", labels: { app: "others" } }));
  await node.idle();
  t.comment(`full ${applied[0]?.millis.toFixed(0)} ms, one pod ${applied[1]?.millis.toFixed(1)} ms`);
  t.match(applied, [{ full: true }, { full: false, touched: 1 }]);
  t.equal(applied.length, 2, "who is in no group is in no transaction");
});
