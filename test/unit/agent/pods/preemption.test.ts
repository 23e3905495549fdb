import t from "tap";
import { Allocations } from "#agent/pods/allocations.js";
import { type Holder, mayPreempt, missing, victims } from "#agent/pods/preemption.js";
import type { Pod } from "#api/generated/types.js";
import { podRequests } from "#api/pod-resources.js";
import { SYSTEM_PRIORITY_CLASSES } from "#api/priority.js";
import { containerOf, podOf } from "#test/fixtures/pod-objects.js";

const NODE = SYSTEM_PRIORITY_CLASSES["system-node-critical"];
const CLUSTER = SYSTEM_PRIORITY_CLASSES["system-cluster-critical"];

function asking(uid: string, cpu: string | undefined, guaranteed = false): Pod {
  const requests = { cpu: cpu ?? "0", memory: "10Mi" };
  const resources = guaranteed ? { requests, limits: requests } : cpu ? { requests } : {};
  const pod = podOf({ containers: [containerOf("main", { resources })] });
  return { ...pod, metadata: { ...pod.metadata, uid } };
}

const holder = (pod: Pod): Holder => ({ pod, held: new Map([...podRequests(pod), ["pods", 1]]) });
const chosen = (cpu: number, pods: number, ...candidates: Pod[]) => {
  const needs = new Map(Object.entries({ cpu, pods }).filter(([, need]) => need > 0));
  return victims(needs, candidates.map(holder))?.map(({ pod }) => pod.metadata.uid);
};

t.test("the fewest of the least protected are ended", async (t) => {
  const best = asking("best", undefined);
  const [small, large] = [asking("small", "200m"), asking("large", "700m")];
  const safe = asking("safe", "900m", true);
  t.same(chosen(0, 1, safe, large, small, best), ["best"], "for a place");
  t.same(chosen(150, 0, safe, large, small, best), ["small"], "the smallest that is enough");
  t.same(chosen(150, 1, safe, large, small, best), ["small"], "one for both");
  t.same(chosen(500, 0, safe, large, small, best), ["large"]);
  t.same(chosen(800, 0, safe, large, small, best), ["large", "small"]);
  t.same(
    chosen(1000, 0, safe, large, small, best),
    ["safe", "small"],
    "with one that is protected, fewer of the others",
  );
  t.equal(chosen(2000, 0, safe, large, small, best), undefined, "for what cannot be had, nobody");
  t.same(chosen(0, 0, safe), [], "what is missing comes back already");
});

t.test("who goes already gives room", async (t) => {
  const allocations = new Allocations({ milliCpu: 1000, memory: 1 << 30, pods: 2 });
  const [a, b] = [asking("a", "600m"), asking("b", "400m")];
  allocations.claim(a);
  allocations.claim(b);
  const shortages = allocations.shortages(asking("c", "500m"));
  t.same([...missing(shortages, [])].sort(), [
    ["cpu", 500],
    ["pods", 1],
  ]);
  t.same([...missing(shortages, [holder(b)])], [["cpu", 100]]);
  t.same([...missing(shortages, [holder(a)])], []);
  allocations.release("a");
  t.same([allocations.heldBy("a"), allocations.heldBy("b")?.get("cpu")], [undefined, 400]);
});

t.test("for whom, and who", async (t) => {
  const of = (priority: number, annotations: Record<string, string> = {}): Pod => {
    const pod = podOf({ priority });
    return { ...pod, metadata: { ...pod.metadata, annotations } };
  };
  t.notOk(mayPreempt(of(1000), of(0)), "the scheduler preempts for others");
  t.ok(mayPreempt(of(CLUSTER), of(CLUSTER - 1)));
  t.notOk(mayPreempt(of(CLUSTER), of(CLUSTER)));
  t.ok(mayPreempt(of(NODE), of(CLUSTER)));
  t.notOk(mayPreempt(of(NODE), of(0, { "kubernetes.io/config.mirror": "x" })), "the node's own stay");
});
