/** Berth's CNI runtime: the same suite over Debian's containernetworking-plugins and over our own plugins. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { AttachmentStore } from "#agent/network/attachment-store.js";
import { CniRuntime } from "#agent/network/cni-runtime.js";
import { loadConfList } from "#agent/network/conflist.js";
import { createPluginRunner, type PluginRunner } from "#agent/network/plugin-runner.js";
import { createPodNetwork } from "#agent/network/pod-network.js";
import { tryCommand } from "#cni/lib/command.js";
import { CniError } from "#cni/lib/error.js";
import { ipBatch, ipJson, type LinkJson } from "#cni/lib/ip-command.js";
import { enterOwnNetns, eventually, type HeldNetns, holdNetns, setSysctl } from "./own-netns.js";

await enterOwnNetns(import.meta.url);
setSysctl("net/bridge/bridge-nf-call-iptables", "1");

const DEBIAN = "/usr/lib/cni";
const root = mkdtempSync(join(tmpdir(), "bt-runtime-"));
t.teardown(() => rmSync(root, { recursive: true, force: true }));

const veths = async () => (await ipJson<LinkJson>(["link"])).filter((l) => l.ifname.startsWith("veth")).length;

function openNode(name: string, version: string, subnet: string, runner: PluginRunner) {
  const dir = join(root, name);
  const dataDir = join(dir, "networks");
  mkdirSync(join(dir, "net.d"), { recursive: true });
  const list = {
    cniVersion: version,
    name,
    plugins: [
      {
        type: "bridge",
        bridge: `bt-${name}`,
        isDefaultGateway: true,
        hairpinMode: true,
        ipam: { type: "host-local", dataDir, ranges: [[{ subnet }]] },
      },
      { type: "portmap", capabilities: { portMappings: true }, snat: true },
      { type: "loopback" },
    ],
  };
  writeFileSync(join(dir, "net.d", "10-test.conflist"), JSON.stringify(list));
  const unreadable = (path: string, error: Error) => t.fail(`${path}: ${error}`);
  const open = (over = runner) => {
    const store = new AttachmentStore(join(dir, "results"), unreadable);
    const runtime = new CniRuntime(over, store);
    const confList = () => loadConfList(join(dir, "net.d")) ?? t.bailout("no list");
    const network = createPodNetwork({ runtime, store, list: confList as never, hostProblem: async () => undefined });
    return { network, runtime, store };
  };
  const reserved = () =>
    (existsSync(join(dataDir, name)) ? readdirSync(join(dataDir, name)) : []).filter((file) => /^\d/.test(file));
  return { open, reserved, dir };
}

const podOf = (sandboxId: string, ns: HeldNetns, port?: number) => ({
  sandboxId,
  namespace: "default",
  name: `pod-${sandboxId}`,
  uid: `uid-${sandboxId}`,
  netns: ns.path,
  hostPorts: port ? [{ hostPort: port, containerPort: 80, protocol: "tcp" as const, hostIP: "" }] : [],
});

const serve = (ns: HeldNetns, text: string) => ns.spawn("busybox", ["nc", "-ll", "-p", "80", "-e", "echo", text]);
const ask = async (host: string, port: number) =>
  (await tryCommand("busybox", ["nc", "-w", "10", host, String(port)])).stdout.trim();

const path = process.env["PATH"] ?? "";
const ours = createPluginRunner({ binDirs: [], path, prefersOurs: () => true });
const flavours = [
  { name: "ours", version: "1.1.0", runner: ours, skip: false },
  {
    name: "debian",
    version: "1.0.0",
    runner: createPluginRunner({ binDirs: [DEBIAN], path }),
    skip: !existsSync(join(DEBIAN, "bridge")) && "containernetworking-plugins is not installed",
  },
];

for (const [i, { name, version, runner, skip }] of flavours.entries()) {
  t.test(`${name}: attach, talk, check, detach`, { skip }, async (t) => {
    const node = openNode(name, version, `10.8${i}.0.0/24`, runner);
    const { network, runtime, store } = node.open();
    const [a, b] = [await holdNetns(), await holdNetns()];
    t.teardown(() => Promise.all([a.end(), b.end()]));
    t.equal(await network.problem(), undefined);
    const [first, second] = await Promise.all([network.attach(podOf("a", a, 8080 + i)), network.attach(podOf("b", b))]);
    t.not(first.ips[0], second.ips[0]);
    t.same(await network.attach(podOf("a", a, 8080 + i)), first, "attaching again answers the same");
    serve(a, `from-${name}`);
    const address = first.ips[0] ?? "";
    await eventually(async () => (await ask(address, 80)) === `from-${name}`);
    t.equal(await ask(`10.8${i}.0.1`, 8080 + i), `from-${name}`, "through the host port");
    t.equal(
      (await b.run("busybox", ["nc", "-w", "10", address, "80"])).stdout.trim(),
      `from-${name}`,
      "from another pod",
    );
    // Debian's portmap 1.1.1 cannot check a mapping for every address; so the pod without one is checked.
    const entry = store.of("b")[0];
    // In words: tap keeps quiet about errors whose code is a number.
    const whatIsWrong = await runtime.check(entry!).catch(({ message, details }) => `${message}: ${details}`);
    t.equal(whatIsWrong, undefined);
    await ipBatch(["link set eth0 down"], b.path);
    await t.rejects(runtime.check(entry!), CniError, "CHECK sees the damage");

    const reopened = node.open();
    t.same(await reopened.network.attach(podOf("b", b)), second, "a restarted agent remembers");
    t.equal(await veths(), 2);
    await reopened.network.detach({ sandboxId: "a" });
    await reopened.network.detach({ sandboxId: "a" });
    t.equal(node.reserved().length, 1);
    t.equal(await ask(`10.8${i}.0.1`, 8080 + i), "", "the host port is closed");
    await b.end();
    await reopened.network.collect(new Set());
    t.same(node.reserved(), [], "collect frees what has no sandbox any more");
    // The kernel takes the links of a namespace that has ended in its own time.
    await eventually(async () => (await veths()) === 0);
    t.same(readdirSync(join(node.dir, "results")), []);
  });
}

t.test("a kill in the middle of ADD leaks nothing", async (t) => {
  const node = openNode("killed", "1.1.0", "10.83.0.0/24", ours);
  const ns = await holdNetns();
  t.teardown(() => ns.end());
  // The process "dies" when portmap is called: bridge and host-local have done their work, nothing after that runs.
  let died = false;
  const dying: PluginRunner = {
    run(network, type, ...rest) {
      if (type !== "portmap") return ours.run(network, type, ...rest);
      died = true;
      return new Promise(() => undefined);
    },
  };
  void node.open(dying).network.attach(podOf("k", ns));
  await eventually(() => died);
  t.equal(node.reserved().length, 1);
  t.equal(await veths(), 1);
  const { network, store } = node.open();
  t.equal(store.of("k")[0]?.result, undefined, "the intent is on disk, without a result");
  const { ips } = await network.attach(podOf("k", ns));
  t.equal(node.reserved().length, 1, "attaching again starts over");
  t.equal(await veths(), 1);
  t.same(node.reserved(), ips);
  await network.collect(new Set());
  t.same(node.reserved(), []);
  t.equal(await veths(), 0);
});

t.test("a failing plugin undoes the others and is named; a broken list is refused", async (t) => {
  const node = openNode("failing", "1.1.0", "10.84.0.0/29", ours);
  const { network, store } = node.open();
  const held = await Promise.all(Array.from({ length: 6 }, () => holdNetns()));
  t.teardown(() => Promise.all(held.map((ns) => ns.end())));
  const pods = held.map((ns, i) => podOf(`p${i}`, ns, i < 2 ? 9000 : undefined));
  await network.attach(pods[0]!);
  await t.rejects(network.attach(pods[1]!), /plugin type="portmap" failed \(add\): host port already in use/);
  t.equal(node.reserved().length, 1);
  t.equal(await veths(), 1);
  t.same(store.of("p1"), []);
  await Promise.all(pods.slice(2).map((pod) => network.attach(pod)));
  await t.rejects(
    network.attach({ ...pods[1]!, hostPorts: [] }),
    /plugin type="bridge" failed \(add\): no IP addresses available in range set: 10\.84\.0\.1-10\.84\.0\.6/,
  );
  await network.detach(pods[2]!);
  t.equal((await network.attach({ ...pods[1]!, hostPorts: [] })).ips.length, 1, "heals when an address is free again");
  await network.collect(new Set());

  writeFileSync(join(node.dir, "net.d", "10-test.conflist"), '{"name": "x", "cniVersion": "1.1.0", "plugins": []}');
  t.match(await network.problem(), /NetworkPluginNotReady.*10-test\.conflist: no plugins in list/);
  const missing = { cniVersion: "1.0.0", name: "x", plugins: [{ type: "nowhere" }] };
  writeFileSync(join(node.dir, "net.d", "10-test.conflist"), JSON.stringify(missing));
  t.match(await network.problem(), /failed to find plugin "nowhere"/);
});

t.test("thirty pods side by side", async (t) => {
  const node = openNode("many", "1.1.0", "10.85.0.0/24", ours);
  const { network } = node.open();
  const held = await Promise.all(Array.from({ length: 30 }, () => holdNetns()));
  t.teardown(() => Promise.all(held.map((ns) => ns.end())));
  await network.attach(podOf("first", held[0]!));
  const began = performance.now();
  const all = await Promise.all(held.slice(1).map((ns, i) => network.attach(podOf(`m${i}`, ns))));
  const each = (performance.now() - began) / all.length;
  t.comment(`one ADD of ours: ${each.toFixed(1)} ms`);
  t.equal(new Set(all.map(({ ips }) => ips[0])).size, 29);
  t.match(JSON.parse(readFileSync(join(node.dir, "results", "many-m0-eth0"), "utf8")), {
    kind: "cniCacheV1",
    containerId: "m0",
  });
  await network.collect(new Set());
  t.equal(await veths(), 0);
});
