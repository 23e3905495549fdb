/** Who answers a Service, and whom it sees: traffic policies, load balancer addresses, hints, node ports on loopback. */
import { spawn } from "node:child_process";
import t from "tap";
import { startProxy } from "#agent/proxy/index.js";
import type { EndpointSlice, Service } from "#api/generated/types.js";
import type { EventRecorder } from "#client/event-recorder.js";
import { tryCommand } from "#cni/lib/command.js";
import { service, slice } from "#test/fixtures/services.js";
import { enterOwnNetns, eventually, type HeldNetns } from "./own-netns.js";
import { answers, from, here, many, NODE, nc, OUTSIDE, openProxyWorld, PODS } from "./proxy-world.js";

await enterOwnNetns(import.meta.url);
const world = await openProxyWorld(t);
const { a, b, c, outside, api } = world;
const said: string[] = [];
let zone = "east";
const recorder: EventRecorder = {
  event: (_object, _type, reason, message) => said.push(`${reason}: ${message}`),
  flush: async () => undefined,
  stop: () => undefined,
};
const proxy = startProxy({
  ...world.options,
  checkMillis: 100,
  zone: () => zone,
  reservedPorts: [22, 10250],
  recorder,
});
t.teardown(() => proxy.stop());

/** Answers "name client-address" to whoever connects. */
const tell = (ns: HeldNetns, name: string) =>
  ns.spawn(process.execPath, [
    "-e",
    `require("net").createServer((s) => s.on("error", () => 0).end("${name} " + s.remoteAddress + "\\n")).listen(80, "0.0.0.0")`,
  ]);
tell(a, "a");
tell(b, "b");
for (const ip of [PODS.a, PODS.b]) await eventually(() => here(ip, 80));

async function apply(...objects: (Service | EndpointSlice)[]): Promise<void> {
  for (const object of objects) api.apply(object);
  await proxy.idle();
}

const balanced = (name: string, clusterIP: string, spec: object = {}, ip = NODE): Service => ({
  ...service(name, clusterIP, {
    type: "LoadBalancer",
    ports: [{ port: 8080, nodePort: 30080, protocol: "TCP", targetPort: 80 }],
    ...spec,
  }),
  status: { loadBalancer: { ingress: [{ ip, ipMode: "VIP" }] } },
});
const names = (ask: () => Promise<string>) => answers(async () => (await ask()).split(" ")[0] ?? "");
const refused = (result: { code: number; stderr: string }) => result.code !== 0 && result.stderr.includes("refused");

t.test("a load balancer's port on the node's own address", async (t) => {
  await apply(balanced("web", "10.96.0.9"), slice("web", { [PODS.a]: "n", [PODS.b]: "other" }));
  t.same(await names(() => from(outside, NODE, 8080)), ["a", "b"], "from outside");
  t.same(await names(() => from(c, NODE, 8080)), ["a", "b"], "from a pod");
  t.same(await names(() => here(NODE, 8080)), ["a", "b"], "from the node");
  t.notMatch(await from(outside, NODE, 8080), OUTSIDE, "the answer comes back through this node");
  await apply(slice("web", {}));
  t.ok(refused(await outside.run("busybox", nc(NODE, 8080))), "without endpoints refused at once");
});

t.test("loadBalancerSourceRanges hold for that address alone, however they overlap", async (t) => {
  const both = slice("web", { [PODS.a]: "n", [PODS.b]: "other" });
  await apply(balanced("web", "10.96.0.9", { loadBalancerSourceRanges: ["192.168.0.0/16", " 192.168.3.4/24"] }), both);
  t.equal(await from(outside, NODE, 8080, 2), "", "not from elsewhere");
  t.match(await from(outside, NODE, 30080), /^[ab] /, "node ports are open");
  t.match(await here("10.96.0.9", 8080), /^[ab] /, "and so is the ClusterIP");
  await apply(balanced("web", "10.96.0.9", { loadBalancerSourceRanges: ["172.31.9.0/24"] }));
  t.match(await from(outside, NODE, 8080), /^[ab] /);
});

t.test("externalTrafficPolicy Local keeps the client's address and this node's endpoints", async (t) => {
  const local = { externalTrafficPolicy: "Local", healthCheckNodePort: 31999 };
  const health = async () => JSON.parse((await tryCommand("curl", ["-s", `http://${NODE}:31999/`])).stdout || "{}");
  const code = async () =>
    (await tryCommand("curl", ["-s", "-o", "/dev/null", "-w", "%{http_code}", `http://${NODE}:31999/`])).stdout;
  await apply(balanced("web", "10.96.0.9", local), slice("web", { [PODS.a]: "n", [PODS.b]: "other" }));
  for (const port of [8080, 30080])
    t.same(await many(() => from(outside, NODE, port), 6), { [`a ${OUTSIDE}`]: 6 }, `port ${port} from outside`);
  t.same(await names(() => from(c, NODE, 8080)), ["a", "b"], "pods need no endpoint here");
  t.match(await from(c, NODE, 30080), PODS.c, "and keep their address too");
  t.same(await names(() => here(NODE, 30080)), ["a", "b"], "nor does the node itself");
  await eventually(async () => (await code()) === "200");
  t.same(await health(), {
    service: { namespace: "default", name: "web" },
    localEndpoints: 1,
    serviceProxyHealthy: true,
  });
  await apply(slice("web", { [PODS.b]: "other" }));
  t.equal(await code(), "503");
  t.equal((await health()).localEndpoints, 0);
  t.equal(await from(outside, NODE, 8080, 2), "", "dropped: another node answers");
  t.same(await many(async () => (await from(c, NODE, 8080)).split(" ")[0] ?? "", 4), { b: 4 });
  await apply(slice("web", { [PODS.a]: "n" }, { port: 80 }, { ready: false, serving: true, terminating: true }));
  t.equal(await from(outside, NODE, 8080), `a ${OUTSIDE}`, "the last one here serves while it ends");
  t.equal(await code(), "503", "but no new clients should come");
  await apply(
    balanced("web", "10.96.0.9", { ...local, sessionAffinity: "ClientIP" }),
    slice("web", { [PODS.a]: "n", [PODS.b]: "n" }),
  );
  t.equal(Object.keys(await many(() => from(outside, NODE, 8080), 8)).length, 1, "with affinity");
  await apply(balanced("web", "10.96.0.9"));
  await eventually(async () => (await tryCommand("curl", ["-s", `http://${NODE}:31999/`])).code !== 0);
});

t.test("internalTrafficPolicy Local", async (t) => {
  await apply(
    service("in", "10.96.0.20", { internalTrafficPolicy: "Local" }),
    slice("in", { [PODS.a]: "n", [PODS.b]: "other" }),
  );
  t.same(await many(async () => (await from(c, "10.96.0.20", 80)).split(" ")[0] ?? "", 6), { a: 6 });
  await apply(slice("in", { [PODS.b]: "other" }));
  t.equal(await from(c, "10.96.0.20", 80, 2), "", "nobody here");
  await apply(slice("in", {}));
  t.ok(refused(await c.run("busybox", nc("10.96.0.20", 80))), "nobody anywhere");
});

t.test("hints: endpoints meant for this zone or node, when every one has some", async (t) => {
  const hinted = (hints: Record<string, EndpointSlice["endpoints"][number]["hints"]>): EndpointSlice => {
    const plain = slice("near", { [PODS.a]: "n", [PODS.b]: "other" });
    return { ...plain, endpoints: plain.endpoints.map((e) => ({ ...e, hints: hints[e.addresses[0] ?? ""] })) };
  };
  const zones = (x: string, y: string) =>
    hinted({ [PODS.a]: { forZones: [{ name: x }] }, [PODS.b]: { forZones: [{ name: y }] } });
  const ask = () => names(() => from(c, "10.96.0.30", 80));
  await apply(service("near", "10.96.0.30"), zones("east", "west"));
  t.same(await ask(), ["a"]);
  zone = "west";
  await eventually(async () => (await ask()).join() === "b");
  zone = "north";
  await eventually(async () => (await ask()).join() === "a,b");
  zone = "east";
  await eventually(async () => (await ask()).join() === "a");
  await apply(hinted({ [PODS.a]: { forZones: [{ name: "east" }] } }));
  t.same(await ask(), ["a", "b"], "one without a hint: all");
  await apply(hinted({ [PODS.a]: { forNodes: [{ name: "x" }] }, [PODS.b]: { forNodes: [{ name: "n" }] } }));
  t.same(await ask(), ["b"], "for this node");
});

t.test("node ports on 127.0.0.1, as long as the service has them", async (t) => {
  const at = (nodePort: number) => service("lo", "10.96.0.40", { type: "NodePort", ports: [{ port: 80, nodePort }] });
  await apply(at(30090), slice("lo", { [PODS.a]: "n", [PODS.b]: "n" }));
  t.same(await names(() => here("127.0.0.1", 30090)), ["a", "b"]);
  await apply(slice("lo", {}));
  t.ok(refused(await tryCommand("busybox", nc("127.0.0.1", 30090))), "without endpoints refused");
  await apply(at(30091), slice("lo", { [PODS.a]: "n" }));
  t.match(await eventually(() => here("127.0.0.1", 30091)), /^a /);
  t.equal(await here("127.0.0.1", 30090, 2), "");
  api.remove(at(30091));
  await proxy.idle();
  t.equal(await here("127.0.0.1", 30091, 2), "");
});

t.test("the node's own programs keep their ports; a port that is taken is told", async (t) => {
  const own = spawn("busybox", ["nc", "-ll", "-p", "22", "-e", "echo", "own"], { stdio: "ignore" });
  t.teardown(() => own.kill());
  await eventually(async () => (await from(outside, NODE, 22)) === "own");
  await apply(
    balanced("thief", "10.96.0.50", { ports: [{ port: 22, protocol: "TCP", targetPort: 80 }] }),
    slice("thief", { [PODS.a]: "n" }),
  );
  t.equal(await from(outside, NODE, 22), "own");
  t.match(await here("10.96.0.50", 22), /^a /, "its ClusterIP is its own");
  t.ok(said.includes(`PortReserved: node n keeps ${NODE}:22 for its own programs`), said.join("\n"));
});

t.test("UDP: a flow that began before the node port had an endpoint finds it", async () => {
  a.spawn(process.execPath, [
    "-e",
    `const s = require("dgram").createSocket("udp4"); s.on("message", (_, f) => s.send("udp-a", f.port, f.address)).bind(53);`,
  ]);
  // One socket that goes on sending: to the kernel one flow, begun when nobody answered.
  const client = outside.spawn(process.execPath, [
    "-e",
    `const s = require("dgram").createSocket("udp4"); s.on("message", (m) => console.log(String(m))).on("error", () => 0)
     .bind(5555, () => setInterval(() => s.send("x", 30053, "${NODE}", () => 0), 50));`,
  ]);
  let heard = "";
  client.stdout?.on("data", (chunk) => {
    heard += String(chunk);
  });
  const tracked = () => tryCommand("conntrack", ["-L", "-p", "udp", "--orig-port-dst", "30053"]);
  await eventually(async () => (await tracked()).stdout.includes("dport=30053"));
  await apply(
    service("dns", "10.96.0.53", { type: "NodePort", ports: [{ port: 53, protocol: "UDP", nodePort: 30053 }] }),
    slice("dns", { [PODS.a]: "n" }, { port: 53, protocol: "UDP" }),
  );
  await eventually(() => heard.includes("udp-a"));
});

t.test("publishNotReadyAddresses and SCTP", async (t) => {
  await apply(service("early", "10.96.0.60", { publishNotReadyAddresses: true }), slice("early", { [PODS.a]: "n" }));
  t.match(await from(c, "10.96.0.60", 80), /^a /, "the controller calls them ready");
  await apply(
    service("sctp", "10.96.0.61", { ports: [{ port: 9, protocol: "SCTP" }] }),
    slice("sctp", { [PODS.a]: "n" }, { port: 9, protocol: "SCTP" }),
  );
  const { stdout } = await tryCommand("nft", ["list", "map", "inet", "berth-proxy", "services"]);
  t.match(stdout, /10\.96\.0\.61 \. sctp \. 9 : goto lb-sctp-1/, "programmed, although this kernel may not speak it");
});
