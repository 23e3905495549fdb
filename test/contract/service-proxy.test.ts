/** The service proxy against a real kernel: pods, a node and a client from outside, each in a namespace of its own. */

import { once } from "node:events";
import { connect } from "node:net";
import t from "tap";
import { startProxy } from "#agent/proxy/index.js";
import { tryCommand } from "#cni/lib/command.js";
import { nft, nftTable } from "#cni/lib/nft.js";
import { service, slice } from "#test/fixtures/services.js";
import { raiseGuards } from "./bridged-pods.js";
import { enterOwnNetns, eventually } from "./own-netns.js";
import { answers, from, here, listen, many, NODE, nc, openProxyWorld, PODS } from "./proxy-world.js";

await enterOwnNetns(import.meta.url);

const world = await openProxyWorld(t);
const { a, b, c, outside, api, applied, options } = world;
for (const [text, ns] of Object.entries({ a, b, c })) listen(ns, 80, text);
let proxy = startProxy(options);
t.teardown(() => proxy.stop());

const both = { "10.244.1.2": "n", "10.244.1.3": "n" };
const web = service("web", "10.96.0.9", { type: "NodePort", ports: [{ port: 8000, nodePort: 30080 }] });
for (const [text, ip] of Object.entries(PODS)) await eventually(async () => (await here(ip, 80)) === text);

t.test("ClusterIP and NodePort spread over the endpoints, from host, pods and outside", async (t) => {
  api.apply(web);
  api.apply(slice("web", both));
  await proxy.idle();
  t.same(await answers(() => here("10.96.0.9", 8000)), ["a", "b"], "from the host");
  t.same(await answers(() => from(c, "10.96.0.9", 8000)), ["a", "b"], "from a pod on the same bridge");
  t.same(await answers(() => from(a, "10.96.0.9", 8000)), ["a", "b"], "from an endpoint, also to itself");
  t.same(await answers(() => here(NODE, 30080)), ["a", "b"], "node port from the host");
  t.same(await answers(() => from(outside, NODE, 30080)), ["a", "b"], "node port from outside");
  t.same(await answers(() => from(c, NODE, 30080)), ["a", "b"], "node port from a pod");
});

t.test("only what changes is touched; a service without endpoints refuses at once", async (t) => {
  applied.length = 0;
  api.apply(slice("web", { "10.244.1.3": "n" }));
  await proxy.idle();
  t.match(applied, [{ full: false }]);
  t.ok((applied[0]?.touched ?? 99) <= 12, `touched ${applied[0]?.touched}`);
  t.same(await many(() => here("10.96.0.9", 8000), 6), { b: 6 });
  api.apply(slice("web", {}));
  await proxy.idle();
  const refused = async (run: () => Promise<{ code: number; stderr: string }>, text: string) => {
    let took = 0;
    // A busy machine may be slow once, but not each time.
    await eventually(async () => {
      const began = performance.now();
      const { code, stderr } = await run();
      t.not(code, 0, text);
      t.match(stderr, /refused/, text);
      took = performance.now() - began;
      return took < 900;
    }).catch(() => undefined);
    t.ok(took < 900, `${text}, at once`);
  };
  await refused(() => tryCommand("busybox", nc("10.96.0.9", 8000)), "ClusterIP from the host");
  await refused(() => c.run("busybox", nc("10.96.0.9", 8000)), "ClusterIP from a pod");
  await refused(() => outside.run("busybox", nc(NODE, 30080)), "node port from outside");
  await refused(() => tryCommand("busybox", nc("10.96.77.77", 80)), "an address of no service, from the host");
  await refused(() => c.run("busybox", nc("10.96.77.77", 80)), "an address of no service, from a pod");
  api.apply(slice("web", both));
  await proxy.idle();
  t.same(await answers(() => from(c, "10.96.0.9", 8000)), ["a", "b"], "and serves again");
});

t.test("client affinity: one client, one endpoint; switched on, changed and off", async (t) => {
  const sticky = (seconds: number) => ({
    ...web,
    spec: {
      ...web.spec,
      sessionAffinity: "ClientIP",
      sessionAffinityConfig: { clientIP: { timeoutSeconds: seconds } },
    },
  });
  api.apply(sticky(100));
  await proxy.idle();
  const chosen = await many(() => from(c, "10.96.0.9", 8000), 12);
  t.equal(Object.keys(chosen).length, 1, "ClusterIP");
  t.equal(Object.keys(await many(() => from(outside, NODE, 30080), 12)).length, 1, "node port");
  const [name] = Object.keys(chosen);
  api.apply(slice("web", name === "a" ? { "10.244.1.3": "n" } : { "10.244.1.2": "n" }));
  await proxy.idle();
  t.notOk((await many(() => from(c, "10.96.0.9", 8000), 4))[name ?? ""], "an endpoint that went is left");
  api.apply(slice("web", both));
  api.apply(sticky(1));
  await proxy.idle();
  t.equal((await many(() => from(c, "10.96.0.9", 8000), 1))[""], undefined);
  api.apply(web);
  await proxy.idle();
  t.same(await answers(() => from(c, "10.96.0.9", 8000)), ["a", "b"], "off");
  const objects = (await nftTable("inet", "berth-proxy")) ?? [];
  t.notOk(
    objects.some(({ chain, set }) => /^(affinity|to)-/.test(chain?.name ?? "") || /^clients/.test(set?.name ?? "")),
  );
});

t.test("the world after kill -9: stale rules go, connections stay, a removed table comes back", async (t) => {
  a.spawn("busybox", ["nc", "-ll", "-p", "81", "-e", "cat"]);
  api.apply(service("long", "10.96.0.11"));
  api.apply(slice("long", { "10.244.1.2": "n" }, { port: 81 }));
  await proxy.idle();
  const open = await eventually(async () => {
    const socket = connect(80, "10.96.0.11");
    return await once(socket, "connect").then(
      () => socket,
      () => undefined,
    );
  });
  const echo = async (text: string) => {
    open.write(text);
    return String(((await once(open, "data")) as [Buffer])[0]);
  };
  t.equal(await echo("before"), "before");
  await proxy.stop();
  api.remove(web);
  api.apply(service("next", "10.96.0.10", { ports: [{ port: 80, protocol: "TCP" }] }));
  api.apply(slice("next", both));
  applied.length = 0;
  proxy = startProxy({ ...options, checkMillis: 200 });
  await proxy.idle();
  t.match(applied, [{ full: true }]);
  t.equal(await echo("after"), "after", "an open connection goes on");
  open.destroy();
  t.equal(await here("10.96.0.9", 8000, 2), "", "the stale service is gone");
  t.ok(await here("10.96.0.10", 80));
  await nft("flush ruleset");
  await raiseGuards();
  await eventually(() => here("10.96.0.10", 80));
});

t.test("UDP: a flow moves on when its endpoint goes", async () => {
  const script = (text: string) => `
    const socket = require("dgram").createSocket("udp4");
    socket.on("message", (_, from) => socket.send("${text}", from.port, from.address)).bind(53);`;
  a.spawn(process.execPath, ["-e", script("udp-a")]);
  b.spawn(process.execPath, ["-e", script("udp-b")]);
  api.apply(service("dns", "10.96.0.53", { ports: [{ port: 53, protocol: "UDP" }] }));
  const dns = (ips: Record<string, string>) => slice("dns", ips, { port: 53, protocol: "UDP" });
  api.apply(dns({ "10.244.1.2": "n" }));
  await proxy.idle();
  // Always the same source port: one flow to the kernel.
  const client = `
    const socket = require("dgram").createSocket("udp4");
    socket.on("message", (answer) => { console.log(String(answer)); process.exit(); });
    socket.bind(5555, () => socket.send("x", 53, "10.96.0.53"));
    setTimeout(() => process.exit(), 700);`;
  const ask = async () => (await c.run(process.execPath, ["-e", client])).stdout.trim();
  await eventually(async () => (await ask()).startsWith("udp-a"));
  api.apply(dns({ "10.244.1.3": "n" }));
  await proxy.idle();
  await eventually(async () => (await ask()).startsWith("udp-b"));
});

t.test("a thousand services: one change stays small and quick", async (t) => {
  await proxy.stop();
  for (let i = 0; i < 1000; i++) {
    api.apply(service(`s${i}`, `10.96.${10 + (i >> 8)}.${i & 255}`));
    api.apply(slice(`s${i}`, both));
  }
  const seen: { full: boolean; touched: number; millis: number }[] = [];
  proxy = startProxy({ ...options, onApplied: (x) => seen.push(x) });
  await proxy.idle();
  api.apply(slice("s500", { ...both, "10.244.1.4": "n" }));
  await proxy.idle();
  t.comment(`full ${seen[0]?.millis.toFixed(0)} ms, one endpoint ${seen[1]?.millis.toFixed(1)} ms`);
  t.match(seen, [{ full: true }, { full: false }]);
  t.ok((seen[1]?.touched ?? 99) <= 6);
  t.ok(await here("10.96.11.244", 80));
});
