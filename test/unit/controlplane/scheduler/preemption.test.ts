/** Whose place a Pod takes, and the room that is kept for it. */
import t from "tap";
import type { Pod, PodDisruptionBudget } from "#api/generated/types.js";
import { chooseNode } from "#controlplane/scheduler/choose-node.js";
import { NodeInfo } from "#controlplane/scheduler/node-info.js";
import { Nominations } from "#controlplane/scheduler/nominations.js";
import { podInfo } from "#controlplane/scheduler/pod-info.js";
import { choosePreemption } from "#controlplane/scheduler/preemption.js";
import { makeBudget, makeNode, makePod, type PodShape } from "#test/fixtures/objects.js";
import { decide, everyPlugin } from "#test/fixtures/scheduling.js";

const all = everyPlugin();

/** A Pod of so many thousandths of a core. */
function asking(name: string, priority: number, milli: number, { spec, ...more }: PodShape = {}): Pod {
  const containers = [{ name: "c", resources: { requests: { cpu: `${milli}m` } } }];
  return makePod(name, { ...more, spec: { containers, priority, ...spec } });
}

function node(name: string, pods: readonly Pod[], more: Parameters<typeof makeNode>[1] = {}): NodeInfo {
  const info = new NodeInfo(makeNode(name, { allocatable: { cpu: "1", memory: "8Gi", pods: "110" }, ...more }));
  for (const pod of pods) info.add(podInfo(pod));
  return info;
}

/** "n1: a, b", or why not. */
const preempt = (pod: Pod, ...nodes: NodeInfo[]) => preemptBeside([], pod, ...nodes);

function preemptBeside(budgets: PodDisruptionBudget[], pod: Pod, ...nodes: NodeInfo[]): string {
  const info = podInfo(pod);
  const choice = chooseNode(info, { nodes }, all, () => 0);
  if ("nodeName" in choice) return `fits on ${choice.nodeName}`;
  const found = choosePreemption(info, nodes, choice.rejections, { plugins: all, budgets });
  if (!("nodeName" in found)) return found.flat().join(", ");
  return `${found.nodeName}: ${found.victims.map(({ pod }) => pod.metadata.name).join(", ")}`;
}

t.test("only those that are less important, and no more of them than needed", async (t) => {
  const pods = [asking("low", 1, 300), asking("lower", 0, 300), asking("equal", 5, 300)];
  t.equal(preempt(asking("p", 5, 300), node("n1", pods)), "n1: lower");
  t.equal(preempt(asking("p", 5, 600), node("n1", pods)), "n1: low, lower");
  t.equal(preempt(asking("p", 5, 900), node("n1", pods)), "Insufficient cpu");
  t.equal(preempt(asking("p", 0, 300), node("n1", pods)), "No preemption victims found for incoming pod");
  t.equal(preempt(asking("p", 5, 1100), node("n1", pods)), "Preemption is not helpful for scheduling");
  t.equal(preempt(asking("p", 5, 100), node("n1", pods)), "fits on n1");
  const mirror = asking("mirror", 0, 900, { annotations: { "kubernetes.io/config.mirror": "0123" } });
  t.equal(preempt(asking("p", 5, 300), node("n1", [mirror])), "No preemption victims found for incoming pod");
});

t.test("those that disruption budgets keep go last, and if they must", async (t) => {
  const labels = { app: "web" };
  const wanted = asking("p", 10, 500);
  const pods = [asking("low", 1, 450), asking("lower", 0, 450, { labels })];
  t.equal(preempt(wanted, node("n1", pods)), "n1: lower");
  const spent = makeBudget("web", { minAvailable: 1 }, { disruptionsAllowed: 0 });
  t.equal(preemptBeside([spent], wanted, node("n1", pods)), "n1: low");
  t.equal(preemptBeside([makeBudget("web", {}, { disruptionsAllowed: 1 })], wanted, node("n1", pods)), "n1: lower");
  t.equal(preemptBeside([spent], asking("p", 10, 900), node("n1", pods)), "n1: low, lower", "a budget binds nobody");
  const leaving = makeBudget("web", {}, { disruptionsAllowed: 0, disruptedPods: { lower: "2026-01-01T00:00:00Z" } });
  t.equal(preemptBeside([leaving], wanted, node("n1", pods)), "n1: lower", "counted already");
  const guarded = node("n1", [asking("a", 0, 900, { labels })]);
  const free = node("n2", [asking("b", 5, 900)]);
  t.equal(preemptBeside([spent], wanted, guarded, free), "n2: b", "a budget weighs more than importance");
  const two = [asking("x", 2, 300, { labels }), asking("y", 1, 300, { labels }), asking("z", 0, 300)];
  t.equal(
    preemptBeside([makeBudget("web", {}, { disruptionsAllowed: 1 })], asking("p", 10, 700), node("n1", two)),
    "n1: x, z",
    "of two the more important one is given up first, the budget holds the other",
  );
});

t.test("where it does least harm", async (t) => {
  const full = (name: string, ...pods: Pod[]) => node(name, pods);
  const wanted = asking("p", 10, 800);
  t.equal(
    preempt(wanted, full("n1", asking("a", 3, 900)), full("n2", asking("b", 2, 900))),
    "n2: b",
    "whose most important victim is the least so",
  );
  t.equal(
    preempt(wanted, full("n1", asking("a", 2, 450), asking("b", 2, 450)), full("n2", asking("c", 2, 900))),
    "n2: c",
    "fewer",
  );
  t.equal(
    preempt(
      wanted,
      full("n1", asking("old", 2, 900, { created: "2026-01-01T00:00:00Z" })),
      full("n2", asking("new", 2, 900, { created: "2026-01-02T00:00:00Z" })),
    ),
    "n2: new",
    "who has run for the shortest time",
  );
});

t.test("ports and company can be made free as well", async (t) => {
  const spec = (more: object) => ({
    spec: { containers: [{ name: "c", ports: [{ containerPort: 80, hostPort: 80 }] }], ...more },
  });
  t.equal(preempt(makePod("p", spec({ priority: 1 })), node("n1", [makePod("a", spec({ priority: 0 }))])), "n1: a");
  const term = { topologyKey: "zone", labelSelector: { matchLabels: { app: "a" } } };
  const far = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  const zone = { labels: { zone: "east" } };
  const lonely = asking("p", 1, 100, { spec: { affinity: far } });
  const other = (name: string, priority: number) => asking(name, priority, 100, { labels: { app: "a" } });
  t.equal(preempt(lonely, node("n1", [other("a", 0)], zone)), "n1: a");
  t.equal(
    preempt(lonely, node("n1", [other("a", 0)], zone), node("n2", [other("b", 0)], zone)),
    "node(s) didn't match pod anti-affinity rules, node(s) didn't match pod anti-affinity rules",
    "victims on two nodes are not looked for",
  );
});

t.test("room that is kept", async (t) => {
  const nominations = new Nominations();
  const wanted = asking("p", 5, 900);
  nominations.set(podInfo(wanted), "n1");
  const nodes = [node("n1", []), node("n2", [asking("x", 9, 500)])];
  const place = (pod: Pod) => {
    const crowded = nominations.crowd(nodes, podInfo(pod));
    const nominated = nominations.nodeOf(pod.metadata.uid);
    return decide(pod, nodes, all, 0, { crowded, nominated });
  };
  t.equal(place(asking("a", 5, 400)), "n2", "others go elsewhere");
  t.match(place(asking("a", 0, 600)), /2 Insufficient cpu/);
  t.equal(place(asking("a", 6, 600)), "n1", "unless they are more important");
  t.equal(place(wanted), "n1", "it is for that Pod");
  const small = asking("s", 5, 100);
  nominations.set(podInfo(small), "n2");
  t.equal(place(small), "n2", "although the other is emptier");
  t.same(
    nominations.outrank("n1", podInfo(asking("b", 6, 100))).map(({ pod }) => pod.metadata.name),
    ["p"],
  );
  t.equal(nominations.nodeOf(wanted.metadata.uid), undefined);
  t.equal(nominations.nodeOf(small.metadata.uid), "n2");
});
