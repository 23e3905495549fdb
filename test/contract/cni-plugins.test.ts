/** Our plugins, driven by hand through stdin and environment as any runtime would, with the specification's answers. */
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import t from "tap";
import { bridge } from "#cni/bridge/main.js";
import { hostLocal } from "#cni/host-local/main.js";
import { tryCommand } from "#cni/lib/command.js";
import { CniError } from "#cni/lib/error.js";
import { ipBatch, ipJson, type LinkJson, type RouteJson } from "#cni/lib/ip-command.js";
import { type Delegate, invokePlugin } from "#cni/lib/plugin.js";
import type { Result } from "#cni/lib/types.js";
import { loopback } from "#cni/loopback/main.js";
import { portmap } from "#cni/portmap/main.js";
import { enterOwnNetns, eventually, holdNetns } from "./own-netns.js";

await enterOwnNetns(import.meta.url);

const bin = resolve("cni/bin");
const dataDir = mkdtempSync(join(tmpdir(), "bt-cni-"));
t.teardown(() => rmSync(dataDir, { recursive: true, force: true }));

interface Answer {
  code: number;
  out: Result & { code?: number; msg?: string; details?: string; supportedVersions?: string[] };
}

async function call(
  plugin: string,
  command: string,
  conf: object | string,
  env: Record<string, string> = {},
): Promise<Answer> {
  const { code, stdout } = await tryCommand(join(bin, plugin), [], {
    input: typeof conf === "string" ? conf : JSON.stringify(conf),
    env: { PATH: process.env["PATH"], CNI_COMMAND: command, CNI_PATH: bin, CNI_IFNAME: "eth0", ...env },
  });
  return { code, out: stdout ? JSON.parse(stdout) : {} };
}

const ours = { bridge, "host-local": hostLocal, portmap, loopback };

/** The same call without a process: what Berth's agent does. */
const inside: typeof call = async (plugin, command, config, env = {}) => {
  const full = { CNI_COMMAND: command, CNI_PATH: bin, CNI_IFNAME: "eth0", ...env };
  const find: Delegate = (type, subEnv, stdin) => invokePlugin(ours[type as keyof typeof ours], subEnv, stdin, find);
  try {
    const stdin = typeof config === "string" ? config : JSON.stringify(config);
    return { code: 0, out: (await find(plugin, full, stdin)) ?? {} };
  } catch (error) {
    return { code: 1, out: CniError.from(error).toBody("1.1.0") };
  }
};

const conf = (network: string, more: object = {}) => ({
  cniVersion: "1.1.0",
  name: network,
  type: "bridge",
  bridge: "bt-br0",
  isDefaultGateway: true,
  hairpinMode: true,
  ipam: { type: "host-local", dataDir, ranges: [[{ subnet: "10.77.0.0/24" }]] },
  ...more,
});

const reservations = (network: string) => readdirSync(join(dataDir, network)).filter((name) => /^\d/.test(name));

t.test("bridge with host-local: ADD, ADD again, CHECK, damage, DEL, DEL again", async (t) => {
  const pod = await holdNetns();
  t.teardown(() => pod.end());
  const env = { CNI_CONTAINERID: "pod-a", CNI_NETNS: pod.path };
  const added = await call("bridge", "ADD", conf("one"), env);
  t.equal(added.code, 0, JSON.stringify(added.out));
  const { interfaces = [], ips = [], routes } = added.out;
  t.equal(added.out.cniVersion, "1.1.0");
  t.match(interfaces, [
    { name: "bt-br0", mac: /^0a:/ },
    { name: /^veth[0-9a-f]{10}$/ },
    { name: "eth0", mac: "0a:58:0a:4d:00:02", sandbox: pod.path },
  ]);
  t.same(ips, [{ address: "10.77.0.2/24", gateway: "10.77.0.1", interface: 2 }]);
  t.same(routes, [{ dst: "0.0.0.0/0", gw: "10.77.0.1" }]);
  t.equal(readFileSync(join(dataDir, "one", "10.77.0.2"), "utf8"), "pod-a\r\neth0", "upstream's layout");
  t.equal(readFileSync(join(dataDir, "one", "last_reserved_ip.0"), "utf8"), "10.77.0.2");
  t.equal((await pod.run("busybox", ["ping", "-c1", "-W10", "10.77.0.1"])).code, 0, "the gateway answers");

  const again = await call("bridge", "ADD", conf("one"), env);
  t.not(again.code, 0, "a second ADD of one attachment is an error");
  t.match(again.out.msg, /duplicate allocation is not allowed/);
  t.same(reservations("one"), ["10.77.0.2"]);
  t.equal((await pod.run("busybox", ["ping", "-c1", "-W10", "10.77.0.1"])).code, 0, "and leaves the first alone");

  const prevResult = added.out;
  const checking = conf("one", { prevResult });
  t.equal((await call("bridge", "CHECK", checking, env)).code, 0);
  await ipBatch(["route del default"], pod.path);
  const noRoute = await call("bridge", "CHECK", checking, env);
  t.match(noRoute.out, { code: 101, msg: "the route to 0.0.0.0/0 via 10.77.0.1 is missing" });
  await ipBatch([`link set ${interfaces[1]?.name} nomaster`]);
  t.match((await call("bridge", "CHECK", checking, env)).out.msg, /is not a port of bt-br0/);

  t.equal((await call("bridge", "DEL", checking, env)).code, 0);
  t.same(reservations("one"), []);
  t.notOk((await ipJson<LinkJson>(["link"])).some((l) => l.ifname.startsWith("veth")));
  t.equal((await call("bridge", "DEL", checking, env)).code, 0, "DEL is idempotent");
  t.equal(
    (await call("bridge", "DEL", conf("one"), { CNI_CONTAINERID: "pod-a" })).code,
    0,
    "without result and namespace",
  );
});

t.test("ADD that fails leaves nothing behind", async (t) => {
  const pod = await holdNetns();
  t.teardown(() => pod.end());
  await ipBatch(["link add eth0 type veth peer name other"], pod.path);
  const env = { CNI_CONTAINERID: "pod-b", CNI_NETNS: pod.path };
  const failed = await call("bridge", "ADD", conf("one"), env);
  t.match(failed.out, { code: 100, msg: /container veth name provided \(eth0\) already exists/ });
  t.same(reservations("one"), []);
  const gone = await call("bridge", "ADD", conf("one"), { ...env, CNI_NETNS: "/proc/1/ns/nothing" });
  t.match(gone.out, { code: 8 });
  const self = await call("bridge", "ADD", conf("one"), { ...env, CNI_NETNS: `/proc/${process.pid}/ns/net` });
  t.match(self.out.msg, /should not be the same/);
});

t.test("an exhausted range, requested addresses, several ranges", async (t) => {
  const ipam = (more: object) => ({
    cniVersion: "1.0.0",
    name: "tiny",
    type: "x",
    ipam: { type: "host-local", dataDir, ...more },
  });
  const tiny = ipam({
    subnet: "10.78.0.0/29",
    rangeStart: "10.78.0.2",
    rangeEnd: "10.78.0.3",
    routes: [{ dst: "0.0.0.0/0" }],
  });
  const add = (id: string, config: object, more = {}) =>
    inside("host-local", "ADD", config, { CNI_CONTAINERID: id, CNI_NETNS: `/proc/${process.pid}/ns/uts`, ...more });
  t.same((await add("a", tiny)).out, {
    cniVersion: "1.0.0",
    ips: [{ address: "10.78.0.2/29", gateway: "10.78.0.1" }],
    routes: [{ dst: "0.0.0.0/0" }],
    dns: {},
  });
  t.equal((await add("b", tiny)).code, 0);
  const env = { CNI_CONTAINERID: "c", CNI_NETNS: `/proc/${process.pid}/ns/uts` };
  const full = await call("host-local", "ADD", tiny, env);
  t.match(full.out, { code: 100, msg: "no IP addresses available in range set: 10.78.0.2-10.78.0.3" });
  t.equal((await call("host-local", "DEL", tiny, { CNI_CONTAINERID: "a" })).code, 0);
  t.same((await add("c", tiny)).out.ips, [{ address: "10.78.0.2/29", gateway: "10.78.0.1" }], "a freed address serves");
  t.match((await add("d", tiny, { CNI_ARGS: "IP=10.78.0.3" })).out.msg, /10\.78\.0\.3 is not available in range set/);
  const dual = { ...ipam({ ranges: [[{ subnet: "10.79.0.0/24" }], [{ subnet: "fd00:79::/64" }]] }), name: "dual" };
  const both = await add("e", { ...dual, runtimeConfig: { ips: ["fd00:79::99/64"] } });
  t.same(
    both.out.ips?.map((ip) => ip.address),
    ["10.79.0.2/24", "fd00:79::99/64"],
  );
  const gc = { ...dual, cniVersion: "1.1.0", "cni.dev/valid-attachments": [] };
  t.equal((await inside("host-local", "GC", gc)).code, 0);
  t.same(
    readdirSync(join(dataDir, "dual")).filter((name) => !name.startsWith("last")),
    [],
    "GC frees what is not valid",
  );
});

t.test("VERSION, STATUS and bad input", async (t) => {
  for (const plugin of ["bridge", "host-local", "portmap", "loopback"]) {
    const { code, out } = await call(plugin, "VERSION", "");
    t.equal(code, 0);
    t.same(out, { cniVersion: "1.1.0", supportedVersions: ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] });
  }
  const env = { CNI_CONTAINERID: "x", CNI_NETNS: `/proc/${process.pid}/ns/uts` };
  t.match((await inside("bridge", "ADD", conf("one", { cniVersion: "9.0.0" }), env)).out, {
    code: 1,
    msg: "incompatible CNI versions",
  });
  t.match((await inside("bridge", "ADD", "{nonsense", env)).out, { code: 6 });
  t.match((await inside("bridge", "ADD", conf("bad name"), env)).out, {
    code: 7,
    msg: "invalid characters found in network name",
  });
  t.match((await inside("bridge", "ADD", conf("one"), { CNI_CONTAINERID: "x" })).out, {
    code: 4,
    msg: "required env variables [CNI_NETNS] missing",
  });
  t.match((await inside("bridge", "ADD", conf("one"), { ...env, CNI_CONTAINERID: "../x" })).out, { code: 4 });
  t.match((await inside("bridge", "ADD", conf("one"), { ...env, CNI_IFNAME: "a-name-much-too-long" })).out, {
    code: 4,
  });
  t.match((await inside("bridge", "FLY", conf("one"), env)).out, { code: 4, msg: "unknown CNI_COMMAND: FLY" });
  t.match((await inside("bridge", "ADD", conf("one", { vlan: 5 }), env)).out, { code: 2, msg: /"vlan"/ });
  t.match((await inside("bridge", "ADD", conf("one", { promiscMode: true }), env)).out, { code: 7 });
  t.match((await inside("bridge", "GC", conf("one", { cniVersion: "1.0.0" }))).out, { code: 1 });
  t.match((await inside("bridge", "CHECK", conf("one"), env)).out, { code: 7 });
  t.equal((await inside("bridge", "STATUS", conf("one"))).code, 0);
  t.match((await inside("bridge", "STATUS", conf("one", { ipam: { type: "host-local", dataDir } }))).out, { code: 7 });
  t.match((await inside("portmap", "ADD", { cniVersion: "1.0.0", name: "one", type: "portmap" }, env)).out, {
    code: 7,
  });
});

t.test("older versions get their own words", async (t) => {
  const pod = await holdNetns();
  t.teardown(() => pod.end());
  const env = { CNI_CONTAINERID: "old", CNI_NETNS: pod.path };
  const { out } = await call("bridge", "ADD", conf("one", { cniVersion: "0.3.1", mtu: 1400 }), env);
  t.match(out, { cniVersion: "0.3.1", ips: [{ version: "4", address: /^10\.77\.0\./, interface: 2 }] });
  t.notOk(out.interfaces?.some((link) => "mtu" in link));
  const [link] = await ipJson<LinkJson>(["link", "show", "eth0"], pod.path);
  t.equal(link?.mtu, 1400);
  const routes = await ipJson<RouteJson>(["route"], pod.path);
  t.ok(routes.some((r) => r.dst === "default" && r.gateway === "10.77.0.1"));
  t.equal((await call("bridge", "DEL", conf("one", { cniVersion: "0.3.1" }), env)).code, 0);
});

t.test(
  "portmap and loopback: host ports reach the container, also from the host's 127.0.0.1 and from itself",
  async (t) => {
    const pod = await holdNetns();
    t.teardown(() => pod.end());
    const env = { CNI_CONTAINERID: "web", CNI_NETNS: pod.path };
    await ipBatch(["link set lo down"], pod.path);
    const added = await call("bridge", "ADD", conf("one"), env);
    const prevResult = added.out;
    const runtimeConfig = {
      portMappings: [
        { hostPort: 8088, containerPort: 80, protocol: "tcp" },
        { hostPort: 8053, containerPort: 53, protocol: "udp", hostIP: "10.77.0.1" },
      ],
    };
    const portmap = conf("one", { type: "portmap", prevResult, runtimeConfig });
    const mapped = await call("portmap", "ADD", portmap, env);
    t.same(mapped.out, prevResult, "hands the result on");
    const chained = conf("one", { type: "loopback", prevResult });
    t.same((await call("loopback", "ADD", chained, env)).out, prevResult);
    t.equal((await pod.run("busybox", ["ping", "-c1", "-W10", "127.0.0.1"])).code, 0, "lo is up");
    t.equal((await call("loopback", "CHECK", chained, env)).code, 0);

    pod.spawn("busybox", ["nc", "-ll", "-p", "80", "-e", "echo", "hello"]);
    const ask = (host: string) => tryCommand("busybox", ["nc", "-w", "10", host, "8088"]);
    const from = async (host: string) => (await ask(host)).stdout.trim();
    await eventually(async () => (await from("10.77.0.1")) === "hello");
    t.equal(await from("127.0.0.1"), "hello", "through 127.0.0.1");
    t.equal((await pod.run("busybox", ["nc", "-w", "10", "10.77.0.1", "8088"])).stdout.trim(), "hello", "from itself");

    const other = await call("portmap", "ADD", portmap, { ...env, CNI_CONTAINERID: "other" });
    t.match(other.out, {
      code: 100,
      msg: /host port already in use by another container: one of 8088\/tcp, 10\.77\.0\.1:8053\/udp/,
    });
    t.equal((await call("portmap", "DEL", portmap, { ...env, CNI_CONTAINERID: "other" })).code, 0);
    t.equal((await call("portmap", "CHECK", portmap, env)).code, 0, "another's DEL takes nothing of ours");
    t.equal((await call("portmap", "DEL", portmap, env)).code, 0);
    t.match((await call("portmap", "CHECK", portmap, env)).out, { code: 101, msg: /mapping .* is missing/ });
    t.not((await ask("10.77.0.1")).code, 0, "and the port is closed");
    t.equal((await call("portmap", "DEL", portmap, env)).code, 0);
    t.equal((await call("bridge", "DEL", conf("one", { prevResult }), env)).code, 0);
  },
);

t.test("portmap: a port that a process of the host listens on is refused until it is free", async (t) => {
  const pod = await holdNetns();
  t.teardown(() => pod.end());
  const env = { CNI_CONTAINERID: "late", CNI_NETNS: pod.path };
  const added = await call("bridge", "ADD", conf("one"), env);
  const runtimeConfig = { portMappings: [{ hostPort: 8099, containerPort: 80, protocol: "tcp" }] };
  const portmap = conf("one", { type: "portmap", prevResult: added.out, runtimeConfig });
  const server = createServer().listen(8099);
  await once(server, "listening");
  t.match((await call("portmap", "ADD", portmap, env)).out, {
    code: 100,
    msg: "host port 8099/tcp is in use by a process of the host",
  });
  server.close();
  await once(server, "close");
  t.same((await call("portmap", "ADD", portmap, env)).out, added.out);
  t.equal((await call("portmap", "DEL", portmap, env)).code, 0);
  t.equal((await call("bridge", "DEL", conf("one", { prevResult: added.out }), env)).code, 0);
});

t.test("ipMasq: one rule an address, removed by DEL and GC", async (t) => {
  const pod = await holdNetns();
  t.teardown(() => pod.end());
  const env = { CNI_CONTAINERID: "m", CNI_NETNS: pod.path };
  const masq = conf("masq", { ipMasq: true });
  const rules = async () =>
    (await tryCommand("nft", ["list", "ruleset"])).stdout.split("\n").filter((l) => l.includes("masq eth0")).length;
  t.equal((await call("bridge", "ADD", masq, env)).code, 0);
  t.equal(await rules(), 1);
  t.equal(
    (await call("bridge", "GC", { ...masq, "cni.dev/valid-attachments": [{ containerID: "m", ifname: "eth0" }] })).code,
    0,
  );
  t.equal(await rules(), 1);
  t.equal((await call("bridge", "DEL", masq, env)).code, 0);
  t.equal(await rules(), 0);
});

t.test("IPv6: addresses, routes and a gateway of both families", async (t) => {
  const pod = await holdNetns();
  t.teardown(() => pod.end());
  const env = { CNI_CONTAINERID: "dual", CNI_NETNS: pod.path };
  const ranges = [[{ subnet: "10.76.0.0/24" }], [{ subnet: "fd00:76::/64" }]];
  const dual = conf("dual-bridge", { bridge: "bt-br6", ipMasq: true, ipam: { type: "host-local", dataDir, ranges } });
  const { code, out } = await call("bridge", "ADD", dual, env);
  t.equal(code, 0, JSON.stringify(out));
  t.same(
    out.ips?.map(({ address, gateway }) => [address, gateway]),
    [
      ["10.76.0.2/24", "10.76.0.1"],
      ["fd00:76::2/64", "fd00:76::1"],
    ],
  );
  t.equal((await pod.run("busybox", ["ping", "-6", "-c1", "-W10", "fd00:76::1"])).code, 0, "the IPv6 gateway answers");
  const checking = { ...dual, prevResult: out };
  t.same((await call("bridge", "CHECK", checking, env)).out, {});
  t.equal((await call("bridge", "DEL", checking, env)).code, 0);
  t.same(reservations("dual-bridge"), []);
});

t.test("the README's commands work as they stand", async (t) => {
  const blocks = [...readFileSync("cni/README.md", "utf8").matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(
    ([, block]) => block,
  );
  const script = `set -e\n${blocks.join("\n")}\nkill %1`;
  const { code, stdout, stderr } = await tryCommand("bash", ["-c", script], {
    env: { PATH: process.env["PATH"], TMPDIR: dataDir },
  });
  t.equal(code, 0, stderr);
  t.match(stdout, /default via 10\.55\.0\.1 dev eth0/);
  t.match(stdout, /tcp \. 8080 comment "demo eth0 demo" : 10\.55\.0\.2 \. 80/);
  t.match(stdout, /no IP addresses available in range set: 10\.56\.0\.1-10\.56\.0\.2/);
});
