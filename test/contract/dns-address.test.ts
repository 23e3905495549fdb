/** The cluster's DNS address on a node: reached from a pod and from the node, never a source, kept, and gone after a reset. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import type { Node } from "#api/generated/types.js";
import { ipBatch, ipJson, type LinkJson } from "#cni/lib/ip-command.js";
import { NetworkNode } from "./network-node.js";
import { enterOwnNetns, eventually, holdNetns } from "./own-netns.js";

await enterOwnNetns(import.meta.url);

const ADDRESS = "10.96.0.10";
const dataDir = mkdtempSync(join(tmpdir(), "bt-dns-"));
const [machine, pod] = [await holdNetns(), await holdNetns()];
let node = await NetworkNode.start(machine.path);
t.teardown(async () => {
  await node.kill();
  await Promise.all([machine.end(), pod.end()]);
  rmSync(dataDir, { recursive: true, force: true });
});
await ipBatch(
  ["link set lo up", "link add eth0 type veth peer name other", "addr add 172.30.6.1/24 dev eth0"],
  machine.path,
);
await ipBatch(["link set eth0 up", "link set other up"], machine.path);

const object = {
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: "n" },
  spec: { podCIDR: "10.244.1.0/24", podCIDRs: ["10.244.1.0/24"] },
  status: { addresses: [{ type: "InternalIP", address: "172.30.6.1" }] },
} as unknown as Node;
const open = () =>
  node.call({
    do: "open",
    settings: {
      nodeName: "n",
      addresses: ["172.30.6.1"],
      dataDir,
      cluster: { podCIDRs: ["10.244.0.0/16"], serviceCIDRs: ["10.96.0.0/16"] },
      ownServiceIPs: [ADDRESS],
    },
    objects: [object],
  });
const addresses = async () => {
  const links = await ipJson<LinkJson>(["addr", "show"], machine.path);
  return links.flatMap(({ ifname, addr_info = [] }) =>
    addr_info.map(({ local, scope }) => `${ifname} ${local} ${scope}`),
  );
};
const hasIt = async () => (await addresses()).includes(`berth0 ${ADDRESS} host`);
const hasRange = async () => (await node.call<string | undefined>({ do: "problem" })) === undefined;
/** As a name server answers: whoever connects gets a line. */
const serve = () => machine.spawn("busybox", ["nc", "-ll", "-p", "53", "-e", "echo", "named"]);
const ask = ["nc", "-w", "10", ADDRESS, "53"];

t.test("pods and the node itself reach it; it is no packet's source", async (t) => {
  await open();
  t.ok(await hasIt(), (await addresses()).join(", "));
  await eventually(hasRange);
  const netns = pod.path;
  await node.call({ do: "attach", pod: { sandboxId: "s", namespace: "a", name: "b", uid: "u", netns, hostPorts: [] } });
  serve();
  await eventually(async () => (await machine.run("busybox", ask)).stdout.trim() === "named");
  t.equal((await pod.run("busybox", ask)).stdout.trim(), "named", "from a pod");
  const source = async () => (await machine.run("ip", ["route", "get", "10.96.0.77"])).stdout.match(/ src (\S+)/)?.[1];
  t.equal(await source(), "10.244.1.1", "another service address is reached from the gateway's");
  await machine.run("busybox", ["sysctl", "-w", "net.ipv4.conf.berth0.route_localnet=1"]);
  // The kernel's choice where a Pod has host ports. The agent may mend it before it is seen.
  await eventually(async () => {
    await ipBatch(["route replace 10.96.0.0/16 dev berth0 proto 119"], machine.path);
    return (await source()) === ADDRESS;
  });
  await eventually(async () => (await source()) === "10.244.1.1");
  const refused = await machine.run("busybox", ["nc", "-w", "10", "10.96.0.77", "53"]);
  t.match(refused.stderr, /refused/, "and the guard is as strict as before");
});

t.test("a new agent finds it and does not take it for the host's; taken away it comes back", async (t) => {
  await node.kill();
  t.ok(await hasIt(), "it stays with the pods");
  node = await NetworkNode.start(machine.path);
  await open();
  await ipBatch([`addr del ${ADDRESS}/32 dev berth0`], machine.path);
  await eventually(hasIt);
  t.equal((await pod.run("busybox", ask)).stdout.trim(), "named");
});

t.test("reset takes it away", async (t) => {
  await node.kill();
  node = await NetworkNode.start(machine.path);
  await node.call({ do: "reset", dataDir });
  t.notMatch((await addresses()).join(), /10\.96\./);
});
