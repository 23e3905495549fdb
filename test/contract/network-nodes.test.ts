/**
 * Two nodes on a switch, each a namespace with its own network and proxy: pods reach each other over host-gw routes, a Service
 * spreads over both, nothing leaves by the default route, kills leak nothing, reset leaves nothing.
 */
import { readdirSync } from "node:fs";
import t from "tap";
import { tryCommand } from "#cni/lib/command.js";
import { ipBatch, ipJson, type RouteJson } from "#cni/lib/ip-command.js";
import { service, slice } from "#test/fixtures/services.js";
import {
  answers,
  ask,
  links,
  type Machine,
  MachineRoom,
  nodeObject,
  nodeRoutes,
  peersSeen,
  podOf,
  reserved,
} from "./network-machines.js";
import { enterOwnNetns, eventually } from "./own-netns.js";

await enterOwnNetns(import.meta.url);

/** This namespace is the switch; each machine also has a default route, to a router that must never hear of our addresses. */
await ipBatch(["link add sw0 type bridge", "link set sw0 up", "addr add 172.30.5.254/24 dev sw0"]);
const room = new MachineRoom(t);
const lan = { prefix: "172.30.5", bridge: "sw0" };
const machine = (index: number) => room.machine(index, lan, ["route add default via 172.30.5.254"]);
const machines = [await machine(1), await machine(2)] as const;
const [one, two] = machines;
const objects = machines.map((m) => nodeObject(m));
const open = (m: Machine, known = objects) => room.open(m, known);

let n1 = await open(one);
const n2 = await open(two);

t.test("pods of two nodes reach each other, with their own addresses; a Service spreads over both", async (t) => {
  t.equal(await n1.call({ do: "problem" }), undefined);
  const [a, b] = [await room.pod(n1, "a", 8081), await room.pod(n2, "b")];
  t.match([a.ip, b.ip], [/^10\.244\.1\./, /^10\.244\.2\./]);
  t.equal(await ask(a.ns, b.ip, 80), "b");
  t.equal(await ask(b.ns, a.ip, 80), "a");
  t.equal(await ask(one.ns, b.ip, 80), "b", "from a node to a pod of another");
  t.equal(await ask(two.ns, one.address, 8081), "a", "through a host port");
  const peers = await peersSeen(t, a.ns, b);
  t.match(peers, a.ip, "no address is translated between pods");

  const web = service("web", "10.96.0.9", { type: "NodePort", ports: [{ port: 80, nodePort: 30080 }] });
  const endpoints = slice("web", { [a.ip]: "n1", [b.ip]: "n2" });
  for (const node of [n1, n2]) {
    await node.call({ do: "apply", object: web });
    await node.call({ do: "apply", object: endpoints });
    await node.call({ do: "idle" });
  }
  t.same(await answers(a.ns, "10.96.0.9", 80, 2), ["a", "b"], "ClusterIP from a pod");
  t.same(await answers(one.ns, "10.96.0.9", 80, 2), ["a", "b"], "from the node");
  t.same(await answers(two.ns, one.address, 30080, 2), ["a", "b"], "NodePort from another machine");
});

t.test("no pod or service address leaves by the default route", async (t) => {
  const counters = `table bridge watch {
    counter leaked { }
    counter between { }
    chain frames {
      type filter hook prerouting priority 0;
      ip daddr { 10.96.0.0/16, 10.244.77.0/24 } counter name leaked
      ip daddr 10.244.2.0/24 counter name between
    }
  }`;
  const packets = async (name: string) =>
    (await tryCommand("nft", ["list", "counter", "bridge", "watch", name])).stdout.match(/packets (\d+)/)?.[1];
  await tryCommand("nft", ["-f", "-"], { input: counters });
  for (const from of [one.ns, (await room.pod(n1, "c")).ns])
    for (const ip of ["10.96.200.1", "10.244.77.7"]) {
      const { code, stderr } = await from.run("busybox", ["nc", "-w", "10", ip, "80"]);
      t.match([code, stderr], [1, /refused|[Uu]nreachable|No route to host/], `${ip} is refused, not waited for`);
    }
  t.equal(await packets("leaked"), "0");
  await one.ns.run("busybox", ["nc", "-w", "1", "10.244.2.250", "80"]);
  t.not(await packets("between"), "0", "while packets between nodes are seen here");
});

t.test("nodes come, move and go: their routes follow", async (t) => {
  const routes = () => nodeRoutes(one);
  const third = (address: string) => nodeObject({ ...two, name: "n3", index: 3, address });
  t.same(await routes(), ["10.244.2.0/24 172.30.5.2"]);
  await n1.call({ do: "apply", object: third("172.30.5.3") });
  await eventually(async () => (await routes()).includes("10.244.3.0/24 172.30.5.3"));
  await n1.call({ do: "apply", object: third("172.30.5.4") });
  await eventually(async () => (await routes()).includes("10.244.3.0/24 172.30.5.4"));
  await n1.call({ do: "remove", object: third("172.30.5.4") });
  await eventually(async () => (await routes()).length === 1);
  await ipBatch(["route del 10.244.2.0/24"], one.ns.path);
  await ipBatch(["route del unreachable 10.244.0.0/16"], one.ns.path);
  await tryCommand("nsenter", [`--net=${one.ns.path}`, "nft", "delete", "table", "inet", "berth-guard"]);
  await eventually(async () => (await routes()).length === 1);
  await eventually(async () => (await one.ns.run("nft", ["list", "table", "inet", "berth-guard"])).code === 0);
  const unreachable = async () =>
    (await ipJson<RouteJson>(["route", "show", "proto", "119"], one.ns.path))
      .filter(({ type }) => type === "unreachable")
      .map(({ dst }) => dst);
  await eventually(async () => (await unreachable()).includes("10.244.0.0/16"));
});

t.test("kill -9: the next life knows its pods, and cleans up after those that are gone", async (t) => {
  const d = await room.pod(n1, "d");
  const doomed = await room.namespace();
  const before = reserved(one).length;
  void n1.call({ do: "attach", pod: podOf("doomed", doomed) }).catch(() => undefined);
  await n1.kill();
  n1 = await open(one);
  t.equal(await ask(two.ns, d.ip, 80), "d", "pods live on");
  t.same(await n1.call({ do: "attach", pod: podOf("d", d.ns) }), { ips: [d.ip] });
  await n1.call({ do: "collect", living: ["a", "c", "d"] });
  t.equal(reserved(one).length, before);
  t.equal((await links(one)).filter((name) => name.startsWith("veth")).length, before);
  await n1.call({ do: "collect", living: [] });
  t.same(reserved(one), []);
  t.notOk((await links(one)).some((name) => name.startsWith("veth")));
});

t.test("a node without a pod range waits for it; ranges that are taken are refused by name", async (t) => {
  const three = await machine(3);
  const n3 = await open(three, [nodeObject(three, "")]);
  t.match(await n3.call<string>({ do: "problem" }), /NetworkPluginNotReady.*no pod range yet/);
  const ns = await room.namespace();
  await t.rejects(n3.call({ do: "attach", pod: podOf("x", ns) }), /no pod range yet/);
  await n3.call({ do: "apply", object: nodeObject(three) });
  await eventually(async () => (await n3.call({ do: "problem" })) === undefined || undefined);
  t.match(await n3.call({ do: "attach", pod: podOf("x", ns) }), { ips: [/^10\.244\.3\./] });

  const four = await machine(4);
  await ipBatch(
    ["link add docker0 type bridge", "link set docker0 up", "addr add 10.96.8.1/24 dev docker0"],
    four.ns.path,
  );
  await t.rejects(
    open(four),
    /service range 10\.96\.0\.0\/16 overlaps with 10\.96\.8\.0\/24 of Docker's network "bridge" \(docker0\)/,
  );
  t.notOk((await links(four)).includes("berth0"), "and nothing was changed");
});

t.test("reset leaves no trace", async (t) => {
  await room.pod(n1, "last", 8082);
  await n1.kill();
  const node = await room.process(one);
  await node.call({ do: "reset", dataDir: one.dataDir });
  t.same((await links(one)).sort(), ["eth0", "lo"]);
  t.equal(
    (await one.ns.run("nft", ["list", "ruleset"])).stdout.replace(/table ip6? filter \{[\s\S]*?\n\}\n/g, "").trim(),
    "",
  );
  t.notMatch((await one.ns.run("iptables", ["-S"])).stdout, /DOCKER-USER/);
  t.same(await ipJson(["route", "show", "proto", "119"], one.ns.path), []);
  t.same(readdirSync(one.dataDir), []);
  await node.call({ do: "reset", dataDir: one.dataDir });
});
