import t from "tap";
import type { Deployment, Node, Pod, Service } from "#api/generated/types.js";
import { proves } from "#test/proves.js";
import { nginx, openLab, until } from "./lab-session.js";

const session = await openLab(t);
const { lab } = session;
// No -T: Debian's busybox crashes on it.
const wget = (url: string) => ["timeout", "20", "wget", "-qO-", url];

/** The different pages seen in at most 80 fetches, sorted; stops early when `wanted` have been seen. */
async function pagesSeen(wanted: number, fetch: () => Promise<string>): Promise<string[]> {
  const seen = new Set<string>();
  for (let i = 0; i < 80 && seen.size < wanted; i++) seen.add((await fetch()).trim());
  return [...seen].sort();
}

t.test("two nodes that take any Pod", async (t) => {
  proves(t, "[sig-architecture] Conformance Tests should have at least two untainted nodes [Conformance]");
  const { items } = JSON.parse(await session.kubectl(["get", "nodes", "-o", "json"])) as { items: Node[] };
  const free = items.filter(({ spec, status }) => {
    const isReady = status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
    return isReady && !spec.unschedulable && !spec.taints?.length;
  });
  t.same(free.map(({ metadata }) => metadata.name).sort(), ["node-1", "node-2"]);
});

t.test("a Deployment and a Service across two nodes", async (t) => {
  const ns = await session.namespace(t, "deploy");
  await ns.apply(nginx("web", 4), {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web" },
    spec: { type: "NodePort", selector: { app: "web" }, ports: [{ port: 80, targetPort: 80 }] },
  });
  const rolledOut = () => ns.kubectl(["rollout", "status", "deployment/web", "--timeout=180s"]);
  await rolledOut();
  const pods = await ns.list<Pod>("pods", { labelSelector: "app=web" });
  t.same([...new Set(pods.map((p) => p.spec.nodeName))].sort(), ["node-1", "node-2"], "spread over both nodes");
  const signPage = "echo $HOSTNAME > /usr/share/nginx/html/index.html";
  for (const p of pods) await ns.kubectl(["exec", p.metadata.name, "--", "sh", "-c", signPage]);
  const names = pods.map((p) => p.metadata.name).sort();
  // A container runs before its server listens.
  for (const { metadata, status } of pods)
    await until(`${metadata.name} serves`, async () => {
      const curl = ["curl", "-s", "-m", "20", `http://${status!.podIP}/`];
      return (await session.on(lab.node("node-1"), curl).catch(() => "")).trim() === metadata.name;
    });
  const { spec } = await ns.get<Service>("service", "web");

  await t.test("pods reach one another across nodes by their own addresses", async (t) => {
    const from = pods.find((p) => p.spec.nodeName === "node-1")!;
    const to = pods.find((p) => p.spec.nodeName === "node-2")!;
    const page = await ns.kubectl(["exec", from.metadata.name, "--", ...wget(`http://${to.status!.podIP}/`)]);
    t.equal(page.trim(), to.metadata.name);
  });

  await t.test("the ClusterIP spreads over all pods, from a pod and from a node", async (t) => {
    const url = `http://${spec.clusterIP}/`;
    const fromPod = () => ns.kubectl(["exec", names[0]!, "--", ...wget(url)]);
    t.same(await pagesSeen(names.length, fromPod), names);
    const fromNode = () => session.on(lab.node("node-2"), ["curl", "-s", "-m", "20", url]);
    t.same(await pagesSeen(names.length, fromNode), names);
  });

  await t.test("the NodePort answers on every node", async (t) => {
    for (const node of lab.workers) {
      const url = `http://${node.address}:${spec.ports![0]!.nodePort}/`;
      const fetch = () => session.on(lab.server, ["curl", "-s", "-m", "20", url]);
      t.same(await pagesSeen(names.length, fetch), names, node.name);
    }
  });

  await t.test("a rolling update, its history, and undo", async (t) => {
    await ns.kubectl(["set", "env", "deployment/web", "COLOR=blue"]);
    await rolledOut();
    t.match(await ns.kubectl(["rollout", "history", "deployment/web"]), /\n1 .*\n2 /);
    await ns.kubectl(["rollout", "undo", "deployment/web"]);
    await rolledOut();
    const undone = await ns.get<Deployment>("deployment", "web");
    t.notOk(undone.spec.template.spec!.containers[0]!.env, "the environment of revision 1 is back");
  });

  await t.test("pause holds a change back until resume", async (t) => {
    await ns.kubectl(["rollout", "pause", "deployment/web"]);
    await ns.kubectl(["set", "env", "deployment/web", "COLOR=green"]);
    const sets = await ns.list("replicasets");
    t.equal(sets.length, 2, "no third ReplicaSet while paused");
    await ns.kubectl(["rollout", "resume", "deployment/web"]);
    await rolledOut();
    t.equal((await ns.list("replicasets")).length, 3);
    t.equal((await ns.get<Deployment>("deployment", "web")).status?.updatedReplicas, 4);
  });
});
