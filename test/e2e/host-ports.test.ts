/** Host ports, host network, and the way out: who reaches a Pod by its node's address, and whom the outside sees. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import t, { type Test } from "tap";
import type { Pod } from "#api/generated/types.js";
import { netnsPath } from "#scripts/lab/namespaces.js";
import { run } from "#scripts/run.js";
import { proves } from "#test/proves.js";
import { openLab, pod, until } from "./lab-session.js";
import { datagram, fetch, fromNode, fromPod, HTTP_PORT, netserver, UDP_PORT } from "./netserver.js";

const session = await openLab(t);
const { lab } = session;
const [one, two] = lab.workers as [(typeof lab.workers)[0], (typeof lab.workers)[0]];

const http = (hostPort: number, hostIP?: string) => ({ containerPort: HTTP_PORT, hostPort, hostIP });
const udp = (hostPort: number, hostIP?: string) => ({
  ...http(hostPort, hostIP),
  containerPort: UDP_PORT,
  protocol: "UDP",
});
const onNode = (node: { name: string }) => ({ nodeSelector: { "kubernetes.io/hostname": node.name } });
const asleep = { readinessProbe: undefined, command: ["sleep", "3600"] };
const page = "mkdir /www; echo host > /www/hostname; busybox httpd -f -p 8095 -h /www";

const ns = await session.namespace(t, "host-ports");
await ns.apply(
  netserver("open", { ports: [http(8090), udp(8090)] }, onNode(one)),
  netserver("bare", {}, onNode(two)),
  netserver("pod1", { ports: [http(54323, "127.0.0.1")] }, onNode(one)),
  netserver("pod2", { ports: [http(54323, one.address)] }, onNode(one)),
  netserver("pod3", { ports: [udp(54323, one.address)] }, onNode(one)),
  netserver("on-host", asleep, { hostNetwork: true, ...onNode(one) }),
  pod(
    "web-on-host",
    { command: ["sh", "-c", page], ports: [{ containerPort: 8095 }] },
    { hostNetwork: true, ...onNode(one) },
  ),
);
const ready = ["wait", "--for=condition=Ready", "--timeout=180s", "pod"];
await ns.kubectl([...ready, "--all"]);
const askers = {
  "the node itself": fromNode(ns, one),
  "another node": fromNode(ns, two),
  "a machine outside": fromNode(ns, lab.server),
  "a pod of another node": fromPod(ns, "bare"),
  "the pod itself": fromPod(ns, "open"),
};

t.test("host ports answer on the node's address, to everybody", async (t) => {
  for (const [who, ask] of Object.entries(askers)) {
    t.equal(await fetch(ask, one.address, 8090), "open", who);
    const root = who.includes("pod") ? "/host" : "/";
    t.match(await datagram(ask, root, one.address, 8, 8090), { name: "open" }, `${who}, by UDP`);
  }
  t.equal(await fetch(askers["the node itself"], "127.0.0.1", 8090), "open", "on the node's own loopback");
  t.equal(await fetch(askers["another node"], two.address, 8090), "", "and on no other node");
  const { seen } = await datagram(askers["a machine outside"], "/", one.address, 8, 8090);
  t.equal(seen, lab.server.address, "the pod sees who asks");
});

t.test("one port with several addresses and protocols", async (t) => {
  proves(
    t,
    "[sig-network] HostPort validates that there is no conflict between pods with same hostPort but different hostIP and protocol [LinuxOnly] [Conformance]",
  );
  const ask = fromPod(ns, "on-host");
  t.equal(await fetch(ask, "127.0.0.1", 54323), "pod1");
  t.equal(await fetch(ask, one.address, 54323), "pod2");
  t.match(await datagram(ask, "/host", one.address, 8, 54323), { name: "pod3" });
  t.equal(await fetch(fromNode(ns, two), one.address, 54323), "pod2", "and from outside");
});

t.test("the host's network", async (t) => {
  const host = await ns.get<Pod>("pod", "web-on-host");
  t.equal(host.status!.podIP, one.address);
  t.equal(host.spec.containers[0]!.ports![0]!.hostPort, 8095, "its ports are the host's");
  t.match(
    await ns.kubectl(["exec", "web-on-host", "--", "cat", "/proc/net/dev"]),
    /berth0/,
    "it sees the host's links",
  );
  // Nothing but its container says that it is ready.
  await until("it serves", async () => (await fetch(askers["the node itself"], one.address, 8095)) === "host");
  for (const ask of [askers["a pod of another node"], askers["the node itself"], askers["a machine outside"]])
    t.equal(await fetch(ask, one.address, 8095), "host");
  const { podIP } = (await ns.get<Pod>("pod", "bare")).status!;
  t.equal(await fetch(fromPod(ns, "on-host"), podIP!), "bare", "it reaches pods");
});

/** A machine on the lab's network that is no node and knows none of the cluster's addresses: it tells whom it sees. */
async function outsider(t: Test): Promise<string> {
  const address = lab.server.address.replace(/\d+$/, "250");
  const onSwitch = (verb: string) =>
    run("ip", ["-n", lab.switchNamespace, "addr", verb, `${address}/24`, "dev", "sw0"]);
  await onSwitch("add");
  const serve = ["nc", "-ll", "-p", "8099", "-e", "busybox", "netstat", "-tn"];
  const server = spawn("nsenter", [`--net=${netnsPath(lab.switchNamespace)}`, "busybox", ...serve], {
    stdio: "ignore",
  });
  t.teardown(async () => {
    server.kill("SIGKILL");
    await once(server, "exit");
    await onSwitch("del");
  });
  return address;
}

t.test("the way out", async (t) => {
  const address = await outsider(t);
  for (const [name, node] of [
    ["open", one],
    ["bare", two],
  ] as const) {
    const ask = fromPod(ns, name);
    const connections = await until("an answer from outside", () =>
      ask(["busybox", "nc", "-w", "10", address, "8099"]),
    );
    t.match(connections, `${node.address}:`, "the outside sees the node");
    t.notMatch(connections, "10.244.", "and no pod");
  }
});

t.test("what is taken is said: by the scheduler, and by the node for a Pod that came past it", async (t) => {
  await ns.apply(
    netserver("second", { ports: [http(8090)] }, onNode(one)),
    netserver("forced", { ports: [http(8090)] }, { nodeName: one.name }),
  );
  const says = (name: string, what: RegExp) =>
    until(`an Event about ${name}`, async () => (await ns.eventsOf(name)).some((text) => what.test(text)));
  await says("second", /FailedScheduling: .*didn't have free ports for the requested pod ports/);
  await says("forced", /FailedCreatePodSandBox: .*host port already in use by another container: one of 8090\/tcp/);
  t.equal(await fetch(askers["another node"], one.address, 8090), "open", "who has it keeps it");
  await ns.kubectl(["delete", "pod", "open", "forced", "--grace-period=0", "--force"]);
  await ns.kubectl([...ready, "second"]);
  t.equal(await fetch(askers["another node"], one.address, 8090), "second", "a port that is free again is given");
  t.match(await datagram(askers["another node"], "/", one.address, 8, 8090), { name: "" }, "the other one is closed");
});
