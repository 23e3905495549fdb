import { readdirSync } from "node:fs";
import t from "tap";
import type { Node, Pod, Taint } from "#api/generated/types.js";
import { NodeInfo } from "#controlplane/scheduler/node-info.js";
import { podInfo } from "#controlplane/scheduler/pod-info.js";
import { makeNode, makePod, ownedBy } from "#test/fixtures/objects.js";
import { decide, everyPlugin } from "#test/fixtures/scheduling.js";

const all = everyPlugin();

function info(node: Node, ...pods: Pod[]): NodeInfo {
  const result = new NodeInfo(node);
  for (const pod of pods) result.add(podInfo(pod));
  return result;
}

const place = (pod: Pod, ...nodes: NodeInfo[]) => decide(pod, nodes, all);

const asking = (name: string, requests: Record<string, string>, spec: Partial<Pod["spec"]> = {}) =>
  makePod(name, { spec: { containers: [{ name: "c", resources: { requests } }], ...spec } });

const tainted = (name: string, ...taints: Taint[]) => info(makeNode(name, { spec: { taints } }));

t.test("the message kubectl users know", async (t) => {
  const small = makeNode("n1", { allocatable: { cpu: "1", memory: "1Gi", pods: "110" } });
  const notReady = tainted("n2", { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" });
  t.equal(
    place(asking("a", { cpu: "2" }), info(small), notReady),
    "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }. " +
      "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
  );
  t.equal(
    place(asking("a", { cpu: "600m", memory: "900Mi" }), info(small, asking("b", { cpu: "0.5", memory: "512Mi" }))),
    "0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory. " +
      "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
  );
  t.equal(place(makePod("a")), "no nodes available to schedule pods");
});

t.test("resources: the sum of containers, or an init container beside earlier sidecars", async (t) => {
  const container = (cpu: string, restartPolicy?: string) => ({
    name: `c${cpu}`,
    restartPolicy,
    resources: { requests: { cpu } },
  });
  const cpu = (spec: Partial<Pod["spec"]>) =>
    podInfo(makePod("a", { spec: { containers: [container("1"), container("500m")], ...spec } })).requests.get("cpu");
  t.equal(cpu({}), 1500);
  t.equal(cpu({ initContainers: [container("1")] }), 1500);
  t.equal(cpu({ initContainers: [container("4")] }), 4000);
  t.equal(cpu({ initContainers: [container("200m", "Always")] }), 1700);
  t.equal(cpu({ initContainers: [container("1", "Always"), container("3"), container("1", "Always")] }), 4000);
  t.equal(cpu({ overhead: { cpu: "250m" } }), 1750);
});

t.test("extended resources, ephemeral storage and the number of Pods count", async (t) => {
  const allocatable = { cpu: "4", memory: "8Gi", pods: "1", "ephemeral-storage": "1Gi", "berth.io/gpu": "1" };
  const node = info(makeNode("n1", { allocatable }));
  t.equal(place(asking("a", { "berth.io/gpu": "1", "ephemeral-storage": "1Gi" }), node), "n1");
  t.match(place(asking("a", { "berth.io/gpu": "2" }), node), /1 Insufficient berth.io\/gpu/);
  t.match(place(asking("a", { "ephemeral-storage": "2Gi" }), node), /1 Insufficient ephemeral-storage/);
  node.add(podInfo(makePod("b", { node: "n1" })));
  t.match(place(makePod("a"), node), /1 Too many pods/);
  node.remove("uid-b");
  t.equal(place(makePod("a"), node), "n1");
});

t.test("cordons, taints, selectors, names, ports", async (t) => {
  const cordoned = info(makeNode("n1", { spec: { unschedulable: true } }));
  t.match(place(makePod("a"), cordoned), /1 node\(s\) were unschedulable/);
  const tolerant = [{ key: "node.kubernetes.io/unschedulable", operator: "Exists" }];
  t.equal(place(makePod("a", { spec: { containers: [], tolerations: tolerant } }), cordoned), "n1");

  const gpu = tainted("n1", { key: "gpu", value: "yes", effect: "NoSchedule" });
  const tolerating = (toleration: object) => makePod("a", { spec: { containers: [], tolerations: [toleration] } });
  t.match(place(makePod("a"), gpu), /1 node\(s\) had untolerated taint \{gpu: yes\}/);
  t.equal(place(tolerating({ key: "gpu", operator: "Equal", value: "yes" }), gpu), "n1");
  t.match(place(tolerating({ key: "gpu", value: "no" }), gpu), /untolerated/);
  t.equal(place(tolerating({ operator: "Exists" }), gpu), "n1");
  t.match(place(tolerating({ operator: "Exists", effect: "NoExecute" }), gpu), /untolerated/);

  const ssd = info(makeNode("n1", { labels: { disk: "ssd", size: "10" } }));
  const selecting = (spec: object) => makePod("a", { spec: { containers: [], ...spec } });
  t.equal(place(selecting({ nodeSelector: { disk: "ssd" } }), ssd), "n1");
  t.match(place(selecting({ nodeSelector: { disk: "hdd" } }), ssd), /didn't match Pod's node affinity\/selector/);
  const affinity = (...terms: object[]) => {
    const required = { nodeSelectorTerms: terms };
    return selecting({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } } });
  };
  const expression = (key: string, operator: string, ...values: string[]) => ({
    matchExpressions: [{ key, operator, values }],
  });
  t.match(place(affinity(expression("disk", "NotIn", "ssd")), ssd), /node affinity/);
  t.equal(
    place(affinity(expression("disk", "NotIn", "ssd"), expression("size", "Gt", "9")), ssd),
    "n1",
    "terms are ORed",
  );
  t.match(place(affinity({}), ssd), /node affinity/, "an empty term matches nothing");
  t.equal(place(affinity({ matchFields: [{ key: "metadata.name", operator: "In", values: ["n1"] }] }), ssd), "n1");

  const port = (hostPort: number, hostIP?: string, protocol?: string) => [
    { name: "c", ports: [{ containerPort: 80, hostPort, hostIP, protocol }] },
  ];
  const busy = info(makeNode("n1"), makePod("b", { node: "n1", spec: { containers: port(80, "10.0.0.1") } }));
  const wanting = (...args: Parameters<typeof port>) => makePod("a", { spec: { containers: port(...args) } });
  t.match(place(wanting(80), busy), /didn't have free ports for the requested pod ports/);
  t.match(place(wanting(80, "10.0.0.1"), busy), /free ports/);
  t.equal(place(wanting(80, "10.0.0.2"), busy), "n1");
  t.equal(place(wanting(80, undefined, "UDP"), busy), "n1");
  t.equal(place(wanting(81), busy), "n1");
});

t.test("scores: emptier nodes, fewer Pods of the same owner, preferences", async (t) => {
  const busy = info(makeNode("n1"), asking("b", { cpu: "3" }));
  t.equal(place(asking("a", { cpu: "500m" }), busy, info(makeNode("n2"))), "n2");

  const owner = ownedBy("ReplicaSet", "web");
  const sibling = info(makeNode("n1"), makePod("b", { owner, node: "n1" }));
  const stranger = info(makeNode("n2"), asking("c", { cpu: "1" }));
  t.equal(place(makePod("a", { owner }), sibling, stranger), "n2");

  const avoid = tainted("n1", { key: "slow", effect: "PreferNoSchedule" });
  const loaded = info(makeNode("n2"), asking("b", { cpu: "1" }));
  t.equal(place(makePod("a"), avoid, loaded), "n2");

  const preferred = [{ weight: 50, preference: { matchExpressions: [{ key: "disk", operator: "Exists" }] } }];
  const picky = makePod("a", {
    spec: {
      containers: [],
      affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } },
    },
  });
  t.equal(place(picky, info(makeNode("n1")), info(makeNode("n2", { labels: { disk: "ssd" } }))), "n2");
});

t.test("nodes of one score are taken by chance", async (t) => {
  const nodes = [info(makeNode("n1")), info(makeNode("n2"))];
  t.same(
    [0, 0.99].map((random) => decide(makePod("a"), nodes, all, random)),
    ["n1", "n2"],
  );
});

t.test("every plugin in the folder is registered", async (t) => {
  const files = readdirSync("controlplane/scheduler/plugins").filter((name) => name !== "index.ts");
  t.equal(all.length, files.length);
  t.equal(new Set(all.map((plugin) => plugin.name)).size, files.length);
});
