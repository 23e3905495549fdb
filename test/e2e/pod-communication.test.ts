/** Every Pod reaches every Pod, on its own node and on another, and nodes reach Pods, by HTTP and by UDP. */
import t, { type Test } from "tap";
import type { Pod } from "#api/generated/types.js";
import { proves } from "#test/proves.js";
import { openLab } from "./lab-session.js";
import { type Asker, datagram, fetch, fromNode, fromPod, netserver } from "./netserver.js";

const session = await openLab(t);
const { workers } = session.lab;

t.test("pods and nodes reach pods", async (t) => {
  const ns = await session.namespace(t, "granular");
  const names = workers.map(({ name }) => `netserver-${name}`);
  await ns.apply(
    ...workers.map(({ name }) => netserver(`netserver-${name}`, {}, { nodeName: name })),
    netserver("asker", {}, { nodeName: workers[0]!.name }),
    // As upstream asks "from the node": from a Pod in the node's own network.
    netserver("host-asker", { readinessProbe: undefined, command: ["sleep", "3600"] }, { hostNetwork: true }),
  );
  await ns.kubectl(["wait", "--for=condition=Ready", "pod", "--all", "--timeout=180s"]);
  const servers = await Promise.all(names.map((name) => ns.get<Pod>("pod", name)));
  const overHttp = async (t: Test, ask: Asker) => {
    for (const { metadata, status } of servers) t.equal(await fetch(ask, status!.podIP!), metadata.name);
  };
  const overUdp = async (t: Test, ask: Asker, root = "/host") => {
    for (const { metadata, status } of servers)
      t.match(await datagram(ask, root, status!.podIP!), { name: metadata.name, received: 8 });
  };
  const upstream = (how: string) => `[sig-network] Networking Granular Checks: Pods should function for ${how}`;

  await t.test("a pod by HTTP", async (t) => {
    proves(t, upstream("intra-pod communication: http [NodeConformance] [Conformance]"));
    await overHttp(t, fromPod(ns, "asker"));
  });
  await t.test("a pod by UDP", async (t) => {
    proves(t, upstream("intra-pod communication: udp [NodeConformance] [Conformance]"));
    await overUdp(t, fromPod(ns, "asker"));
  });
  await t.test("a node by HTTP", async (t) => {
    proves(t, upstream("node-pod communication: http [LinuxOnly] [NodeConformance] [Conformance]"));
    await overHttp(t, fromPod(ns, "host-asker"));
    for (const node of workers) await overHttp(t, fromNode(ns, node));
  });
  await t.test("a node by UDP", async (t) => {
    proves(t, upstream("node-pod communication: udp [LinuxOnly] [NodeConformance] [Conformance]"));
    await overUdp(t, fromPod(ns, "host-asker"));
    for (const node of workers) await overUdp(t, fromNode(ns, node), "/");
  });
  await t.test("a pod is seen by others as it sees itself", async (t) => {
    const { podIP } = (await ns.get<Pod>("pod", "asker")).status!;
    for (const { status } of servers)
      t.equal((await datagram(fromPod(ns, "asker"), "/host", status!.podIP!)).seen, podIP);
  });
});
