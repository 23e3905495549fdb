/**
 * Three nodes on two networks with a router between that knows nothing of pods: two reach each other by routes, the third through
 * the tunnel. Big packets pass, also from pods that were there before the tunnel; nodes move and go and leave nothing.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { runCommand, tryCommand } from "#cni/lib/command.js";
import { ipBatch, ipJson, type RouteJson } from "#cni/lib/ip-command.js";
import { service, slice } from "#test/fixtures/services.js";
import {
  answers,
  ask,
  CLUSTER,
  links,
  type Machine,
  MachineRoom,
  nodeObject,
  nodeRoutes,
  peersSeen,
  type RunningPod,
} from "./network-machines.js";
import { becomes, enterOwnNetns, eventually, type HeldNetns, setSysctl } from "./own-netns.js";

await enterOwnNetns(import.meta.url);

// This namespace is the router: it counts what of pods it sees unpacked, and how much it sees packed.
const lans = [
  { prefix: "172.30.5", bridge: "sw0" },
  { prefix: "172.30.6", bridge: "sw1" },
] as const;
for (const { prefix, bridge } of lans)
  await ipBatch([`link add ${bridge} type bridge`, `link set ${bridge} up`, `addr add ${prefix}.254/24 dev ${bridge}`]);
setSysctl("net/ipv4/ip_forward", "1");
setSysctl("net/bridge/bridge-nf-call-iptables", "0");
await runCommand("nft", ["-f", "-"], {
  input: `table inet watch {
    counter bare { }
    counter packed { }
    chain prerouting {
      type filter hook prerouting priority 0;
      ip saddr 10.244.0.0/16 counter name bare
      ip daddr { 10.244.0.0/16, 10.96.0.0/16 } counter name bare
      udp dport 8472 counter name packed
    }
  }`,
});
const packets = async (name: string) => {
  const { stdout } = await tryCommand("nft", ["list", "counter", "inet", "watch", name]);
  return Number(stdout.match(/packets (\d+)/)?.[1]);
};

const room = new MachineRoom(t);
const machine = (index: number, lan: (typeof lans)[number]) =>
  room.machine(index, lan, [`route add 172.30.0.0/16 via ${lan.prefix}.254`]);
const machines = [await machine(1, lans[0]), await machine(2, lans[0]), await machine(3, lans[1])] as const;
const [one, two] = machines;
let three: Machine = machines[2];

let n1 = await room.open(one, [nodeObject(one), nodeObject(two)]);
const n2 = await room.open(
  two,
  machines.map((m) => nodeObject(m)),
);
let n3 = await room.open(
  three,
  machines.map((m) => nodeObject(m)),
);
/** From before n1 knows that there is a tunnel. */
const early = await room.pod(n1, "early");
await n1.call({ do: "apply", object: nodeObject(three) });
await eventually(async () => (await nodeRoutes(one)).length === 2);
const near = await room.pod(n1, "near");
const beside = await room.pod(n2, "beside");
const far = await room.pod(n3, "far");

const entries = async (m: Machine) => {
  const list = async (command: string, ...args: string[]) =>
    (await m.ns.run(command, [...args, "show", "dev", "berth-vxlan"])).stdout.trim();
  return { neighbours: await list("ip", "neigh"), forwarding: await list("bridge", "fdb") };
};

t.test("each node is reached in its own way, with the pods' own addresses", async (t) => {
  await becomes(t, () => nodeRoutes(one), ["10.244.2.0/24 172.30.5.2", "10.244.3.0/24 10.244.3.1"]);
  await becomes(t, () => nodeRoutes(three), ["10.244.1.0/24 10.244.1.1", "10.244.2.0/24 10.244.2.1"]);
  await becomes(t, () => entries(one), {
    neighbours: "10.244.3.1 lladdr 0a:59:ac:1e:06:03 PERMANENT",
    forwarding: "0a:59:ac:1e:06:03 dst 172.30.6.3 self permanent",
  });
  const before = await packets("packed");
  const everyone = { near, beside, far, early };
  for (const from of Object.values(everyone))
    for (const [name, to] of Object.entries(everyone)) t.equal(await ask(from.ns, to.ip, 80), name);
  t.ok((await packets("packed")) > before, "packed through the router");
  t.match(await peersSeen(t, near.ns, far), near.ip, "no address is translated on the way there");
  t.match(await peersSeen(t, far.ns, beside), far.ip, "nor on the way back");
  t.equal(await ask(one.ns, far.ip, 80), "far", "from a node");
  t.match(await peersSeen(t, one.ns, far), "10.244.1.1:", "which is its pods' gateway there");
});

t.test("a Service spreads over segments", async (t) => {
  const web = service("web", "10.96.0.9", { type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] });
  const endpoints = slice("web", { [near.ip]: "n1", [beside.ip]: "n2", [far.ip]: "n3" });
  for (const node of [n1, n2, n3]) {
    await node.call({ do: "apply", object: web });
    await node.call({ do: "apply", object: endpoints });
    await node.call({ do: "idle" });
  }
  const all = ["beside", "far", "near"];
  t.same(await answers(far.ns, "10.96.0.9", 80, 3), all, "from a pod");
  t.same(await answers(two.ns, "10.96.0.9", 80, 3), all, "from a node");
  t.same(await answers(two.ns, three.address, 30080, 3), all, "by a NodePort of the other segment");
});

/** Until they are gone: the next ones want the same ports. */
async function end(...children: readonly ChildProcess[]): Promise<void> {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}

const BYTES = 8_000_000;

const SUM = createHash("md5").update(Buffer.alloc(BYTES, "berth")).digest("hex");

/** Sends that much from one pod to the other over TCP. @returns the sum of what arrived */
async function transfer(from: RunningPod, to: RunningPod): Promise<string> {
  const server = nodeIn(
    to.ns,
    `require("net").createServer((s) => { const h = require("crypto").createHash("md5");
      s.on("data", (d) => h.update(d)).on("end", () => console.log(h.digest("hex"))) }).listen(98)`,
  );
  await eventually(async () => (await to.ns.run("busybox", ["netstat", "-tln"])).stdout.includes(":98 "));
  const client = nodeIn(from.ns, `require("net").connect(98, "${to.ip}").end(Buffer.alloc(${BYTES}, "berth"))`);
  const [sum] = await Promise.race([
    once(server.stdout, "data"),
    sleep(60_000, ["nothing within 60 s"], { ref: false }),
  ]);
  await end(server, client);
  return String(sum).trim();
}

const UDP_SERVER = `use IO::Socket::INET; $| = 1;
my $s = IO::Socket::INET->new(LocalPort => 97, Proto => "udp") or die $!;
while (defined $s->recv(my $m, 65535)) { print length $m, "\\n" }`;
const UDP_CLIENT = `use IO::Socket::INET;
my $s = IO::Socket::INET->new(PeerAddr => "$ARGV[0]:97", Proto => "udp") or die $!;
for (1 .. 5) { $s->send("x" x $ARGV[1]); select undef, undef, undef, 0.2 }`;

/** Whether a datagram with so many bytes arrives, sent at most five times: the first may only teach the sender the size. */
async function datagram(from: RunningPod, to: RunningPod, bytes: number): Promise<boolean> {
  const server = to.ns.spawn("perl", ["-e", UDP_SERVER]);
  await eventually(async () => (await to.ns.run("busybox", ["netstat", "-uln"])).stdout.includes(":97 "));
  let heard = "";
  server.stdout?.on("data", (text) => {
    heard += String(text);
  });
  const client = from.ns.spawn("perl", ["-e", UDP_CLIENT, to.ip, String(bytes)]);
  const arrived = () => heard.includes(`${bytes}\n`);
  await eventually(() => arrived() || client.exitCode !== null);
  await eventually(arrived, 10).catch(() => undefined);
  await end(server, client);
  return arrived();
}

const nodeIn = (ns: HeldNetns, script: string) =>
  spawn("nsenter", [`--net=${ns.path}`, process.execPath, "-e", script], { stdio: ["ignore", "pipe", "inherit"] });

t.test("big packets pass, whether a pod knew of the tunnel when it came or not", async (t) => {
  const mtu = async ({ ns }: RunningPod) => (await ns.run("ip", ["route", "show", "default"])).stdout;
  t.match(await mtu(near), " mtu 1450");
  t.match(await mtu(far), " mtu 1450");
  t.notMatch(await mtu(early), "mtu");
  for (const pod of [near, early]) {
    t.equal(await transfer(pod, far), SUM, "there");
    t.equal(await transfer(far, pod), SUM, "and back");
    for (const bytes of [1472, 6000]) {
      t.ok(await datagram(pod, far, bytes), `a datagram of ${bytes} bytes`);
      t.ok(await datagram(far, pod, bytes), `and one back`);
    }
  }
  t.equal(await transfer(early, near), SUM, "pods of both kinds on one bridge");
  t.ok(await datagram(early, near, 1472));
});

t.test("an agent that starts while the API is away leaves the ways as they are", async (t) => {
  const before = { routes: await nodeRoutes(one), ...(await entries(one)) };
  await n1.kill();
  const blind = await room.open(one, [], { apiAway: true });
  t.same({ routes: await nodeRoutes(one), ...(await entries(one)) }, before);
  t.equal(await ask(near.ns, far.ip, 80), "far");
  await blind.kill();
  n1 = await room.open(
    one,
    machines.map((m) => nodeObject(m)),
  );
});

t.test("a node that moves takes its routes along, from one kind to the other", async (t) => {
  await n3.kill();
  await ipBatch(["addr del 172.30.6.3/24 dev eth0", "addr add 172.30.6.33/24 dev eth0"], three.ns.path);
  await ipBatch(["route replace 172.30.0.0/16 via 172.30.6.254"], three.ns.path);
  three = { ...three, address: "172.30.6.33" };
  n3 = await room.open(
    three,
    [one, two, three].map((m) => nodeObject(m)),
  );
  for (const node of [n1, n2]) await node.call({ do: "apply", object: nodeObject(three) });
  await eventually(async () => (await ask(near.ns, far.ip, 80)) === "far");
  t.equal(await ask(far.ns, near.ip, 80), "near");
  await becomes(t, () => entries(one), {
    neighbours: "10.244.3.1 lladdr 0a:59:ac:1e:06:21 PERMANENT",
    forwarding: "0a:59:ac:1e:06:21 dst 172.30.6.33 self permanent",
  });

  // n2's network is announced as another one: to n1 it is now behind the tunnel, then again beside it.
  const moved = nodeObject({ ...two, address: "172.30.6.2" });
  await n1.call({ do: "apply", object: moved });
  await eventually(async () => (await nodeRoutes(one)).includes("10.244.2.0/24 10.244.2.1"));
  await n1.call({ do: "apply", object: nodeObject(two) });
  await eventually(async () => (await nodeRoutes(one)).includes("10.244.2.0/24 172.30.5.2"));
  t.equal(await ask(near.ns, beside.ip, 80), "beside");
  await eventually(async () => !(await entries(one)).neighbours.includes("10.244.2.1"));
});

t.test("what somebody removed comes back", async (t) => {
  await ipBatch(["link del berth-vxlan"], one.ns.path);
  await eventually(async () => (await ask(near.ns, far.ip, 80)) === "far");
  await ipBatch(["neigh del 10.244.3.1 dev berth-vxlan"], one.ns.path);
  await one.ns.run("bridge", ["fdb", "del", "0a:59:ac:1e:06:21", "dev", "berth-vxlan", "dst", "172.30.6.33"]);
  await eventually(async () => (await ask(near.ns, far.ip, 80)) === "far");
  t.match(await entries(one), { neighbours: /10\.244\.3\.1/, forwarding: /172\.30\.6\.33/ });
});

t.test("the last node behind the tunnel goes, and the tunnel with it", async (t) => {
  await n1.call({ do: "remove", object: nodeObject(three) });
  await eventually(async () => !(await links(one)).includes("berth-vxlan"));
  await becomes(t, () => nodeRoutes(one), ["10.244.2.0/24 172.30.5.2"]);
  t.equal(await ask(near.ns, far.ip, 80, 2), "", "its pods are unreachable");
  t.equal(await packets("bare"), 0, "the router has never seen a pod's or service's address");
});

t.test("a node that cannot be reached is told of, until it can", async (t) => {
  const copy = nodeObject({ ...three, name: "n4", address: "172.30.6.4" }, "10.244.2.0/24");
  await n1.call({ do: "apply", object: copy });
  const told = () => n1.call<string[]>({ do: "unreachable" });
  await eventually(async () => (await told()).length === 1);
  t.match(await told(), ["node n4: its pod range 10.244.2.0/24 overlaps with that of node n2"]);
  t.equal(await ask(near.ns, beside.ip, 80), "beside", "who had the range keeps it");
  await n1.call({ do: "remove", object: copy });
  await eventually(async () => (await told()).length === 0);
});

t.test("the tunnel within a network, where the cluster wants it, with the cluster's numbers", async (t) => {
  await n1.kill();
  const cluster = { ...CLUSTER, vxlan: { id: 7, port: 4789, always: true } };
  n1 = await room.open(one, [nodeObject(one), nodeObject(two)], { cluster });
  await eventually(async () => (await nodeRoutes(one)).join() === "10.244.2.0/24 10.244.2.1");
  t.match((await one.ns.run("ip", ["-d", "link", "show", "berth-vxlan"])).stdout, /vxlan id 7 local .* dstport 4789 /);
});

t.test("reset takes the tunnel away", async (t) => {
  t.ok((await links(two)).includes("berth-vxlan"));
  await n2.kill();
  const node = await room.process(two);
  await node.call({ do: "reset", dataDir: two.dataDir });
  t.same((await links(two)).sort(), ["eth0", "lo"]);
  t.same(await ipJson<RouteJson>(["route", "show", "proto", "119"], two.ns.path), []);
});
