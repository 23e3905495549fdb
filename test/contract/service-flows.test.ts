/** UDP flows that the kernel remembers, and what became of their Service while no agent looked. */
import t from "tap";
import { startProxy } from "#agent/proxy/index.js";
import { tryCommand } from "#cni/lib/command.js";
import { service, slice } from "#test/fixtures/services.js";
import { ranges } from "./bridged-pods.js";
import { enterOwnNetns, eventually } from "./own-netns.js";
import { NODE, openProxyWorld, PODS } from "./proxy-world.js";

await enterOwnNetns(import.meta.url);

const { a, b, c, outside, api, options } = await openProxyWorld(t);
const settings = { ...options, serviceCIDRs: ranges.serviceCIDRs };
let proxy = startProxy(settings);
await proxy.idle();
t.teardown(() => proxy.stop());

const answering = (text: string) => `require("dgram").createSocket("udp4")
  .on("message", function (_, from) { this.send("${text}", from.port, from.address); }).bind(53)`;
/** One socket that goes on sending: one flow to the kernel, which never ends by itself. */
const asking = (to: string, port: number) => `require("dgram").createSocket("udp4").on("error", () => 0)
  .bind(5555, function () { setInterval(() => this.send("x", ${port}, "${to}", () => 0), 20); })`;
a.spawn(process.execPath, ["-e", answering("a")]);
b.spawn(process.execPath, ["-e", answering("b")]);

const NAMES = { emptied: "10.96.0.51", moved: "10.96.0.52", deleted: "10.96.0.53" } as const;
const port = { port: 53, protocol: "UDP" };
const flowsTo = async (orig: string, answering: string) => {
  const { stdout } = await tryCommand("conntrack", ["-L", "-p", "udp", "--orig-dst", orig, "--reply-src", answering]);
  return stdout.trim().split("\n").filter(Boolean).length;
};

t.test("services that lost an endpoint, all of them, or themselves", async (t) => {
  for (const [name, ip] of Object.entries(NAMES)) {
    api.apply(service(name, ip, { ports: [port] }));
    api.apply(slice(name, { [PODS.a]: "n" }, port));
    c.spawn(process.execPath, ["-e", asking(ip, 53).replace("5555", String(5000 + Number(ip.split(".")[3])))]);
  }
  api.apply(service("kept", "10.96.0.54", { type: "NodePort", ports: [{ ...port, nodePort: 30053 }] }));
  api.apply(slice("kept", { [PODS.a]: "n" }, port));
  outside.spawn(process.execPath, ["-e", asking(NODE, 30053)]);
  for (const ip of [...Object.values(NAMES), NODE]) await eventually(async () => (await flowsTo(ip, PODS.a)) > 0);
  await proxy.stop();

  api.apply(slice("emptied", {}, port));
  api.apply(slice("moved", { [PODS.b]: "n" }, port));
  api.remove(service("deleted", NAMES.deleted, { ports: [port] }));
  api.remove(slice("deleted", { [PODS.a]: "n" }, port));
  proxy = startProxy(settings);
  await proxy.idle();
  for (const [name, ip] of Object.entries(NAMES)) t.equal(await flowsTo(ip, PODS.a), 0, name);
  await eventually(async () => (await flowsTo(NAMES.moved, PODS.b)) > 0);
  t.ok(await flowsTo(NODE, PODS.a), "what is served as before goes on");
});
