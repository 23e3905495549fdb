import t from "tap";
import type { Lease, Taint } from "#api/generated/types.js";
import { nextNodeRange } from "#controlplane/controllers/node-ipam/cidr.js";
import { graceOf, heartbeat, silentConditions } from "#controlplane/controllers/node-lifecycle/health.js";
import { planTaints } from "#controlplane/controllers/node-lifecycle/taints.js";
import { surplusTerminated } from "#controlplane/controllers/pod-gc.js";
import { ageOf, evictIn } from "#controlplane/controllers/taint-eviction.js";
import { makeNode, makePod, meta } from "#test/fixtures/objects.js";

const NOW = Date.parse("2026-01-01T01:00:00Z");
const lease = (renewTime: string, leaseDurationSeconds?: number): Lease => ({
  metadata: meta("n1"),
  spec: { renewTime, leaseDurationSeconds },
});

function withReady(status: string) {
  const node = makeNode("n1");
  node.status = { ...node.status, conditions: [{ type: "Ready", status, lastHeartbeatTime: "2026-01-01T00:00:00Z" }] };
  return node;
}

const short = (taints: readonly Taint[] | undefined) => taints?.map(({ key, effect }) => `${key}:${effect}`);

t.test("a node lives as long as its lease moves, whatever its clock says", async (t) => {
  const node = withReady("True");
  const first = heartbeat(undefined, node, lease("2020-01-01T00:00:00Z"), NOW);
  t.equal(first.at, NOW);
  t.equal(heartbeat(first, node, lease("2020-01-01T00:00:00Z"), NOW + 9_000), first);
  t.equal(heartbeat(first, node, lease("2020-01-01T00:00:10Z"), NOW + 9_000).at, NOW + 9_000);
});

t.test("the grace follows the lease's duration", async (t) => {
  t.equal(graceOf(undefined), 50_000);
  t.equal(graceOf(lease("", 40)), 50_000);
  t.equal(graceOf(lease("", 4)), 5_000);
  t.equal(graceOf(lease("", 400)), 50_000);
});

t.test("a silent node's conditions become Unknown", async (t) => {
  const conditions = silentConditions(withReady("True"), NOW);
  t.match(conditions[0], {
    type: "Ready",
    status: "Unknown",
    reason: "NodeStatusUnknown",
    message: "Kubelet stopped posting node status.",
    lastTransitionTime: "2026-01-01T01:00:00Z",
  });
  t.match(conditions[1], { type: "MemoryPressure", reason: "NodeStatusNeverUpdated" });
  const node = makeNode("n1");
  node.status = { conditions };
  t.same(silentConditions(node, NOW + 1), []);
});

t.test("taints follow conditions; those of others stay", async (t) => {
  const not = "node.kubernetes.io/not-ready";
  const unreachable = "node.kubernetes.io/unreachable";
  t.equal(planTaints(withReady("True"), true, NOW), undefined);
  t.same(short(planTaints(withReady("False"), true, NOW)), [`${not}:NoSchedule`, `${not}:NoExecute`]);
  t.same(short(planTaints(withReady("Unknown"), true, NOW)), [`${unreachable}:NoSchedule`, `${unreachable}:NoExecute`]);
  t.same(short(planTaints(withReady("Unknown"), false, NOW)), [`${unreachable}:NoSchedule`], "no node is ready");
  const silent = makeNode("n1");
  silent.status = {};
  t.same(short(planTaints(silent, true, NOW)), [`${not}:NoSchedule`], "never reported");
  const node = withReady("True");
  node.spec = {
    unschedulable: true,
    taints: [
      { key: "mine", effect: "NoExecute" },
      { key: not, effect: "NoExecute" },
    ],
  };
  t.same(short(planTaints(node, true, NOW)), ["mine:NoExecute", "node.kubernetes.io/unschedulable:NoSchedule"]);
  t.equal(planTaints(withReady("False"), true, NOW)?.[1]?.timeAdded, "2026-01-01T01:00:00Z");
});

t.test("eviction waits as long as the shortest toleration", async (t) => {
  const node = makeNode("n1");
  const key = "node.kubernetes.io/unreachable";
  node.spec.taints = [{ key, effect: "NoExecute", timeAdded: "2026-01-01T00:59:00Z" }];
  const age = (taint: Taint) => ageOf(taint, NOW);
  const pod = (...tolerations: object[]) => makePod("a", { spec: { containers: [], tolerations } });
  t.equal(evictIn(pod(), node, age), 0);
  const tolerant = { key, operator: "Exists", effect: "NoExecute" };
  t.equal(evictIn(pod({ ...tolerant, tolerationSeconds: 300 }), node, age), 240_000);
  t.equal(evictIn(pod({ ...tolerant, tolerationSeconds: 300 }, { ...tolerant, tolerationSeconds: 30 }), node, age), 0);
  t.equal(evictIn(pod(tolerant), node, age), undefined);
  t.equal(evictIn(pod({ operator: "Exists" }), node, age), undefined);
  node.spec.taints = [{ key, effect: "NoSchedule" }];
  t.equal(evictIn(pod(), node, age), undefined);
});

t.test("node ranges", async (t) => {
  t.equal(nextNodeRange("10.244.0.0/16", new Set()), "10.244.0.0/24");
  t.equal(nextNodeRange("10.244.0.0/16", new Set(["10.244.0.0/24", "10.244.1.0/24"])), "10.244.2.0/24");
  t.equal(nextNodeRange("10.244.7.0/23", new Set(["10.244.6.0/24"])), "10.244.7.0/24");
  t.equal(nextNodeRange("10.244.0.0/24", new Set(["10.244.0.0/24"])), undefined);
  t.equal(nextNodeRange("10.244.0.0/28", new Set()), "10.244.0.0/28");
  t.equal(nextNodeRange("fd00:1::/56", new Set(["fd00:1::/64"])), "fd00:1:0:1::/64");
  t.equal(nextNodeRange("fd00:1::/56", new Set(["10.244.0.0/16"])), "fd00:1::/64", "of another family");
});

t.test("node ranges keep clear of ranges of other sizes", async (t) => {
  const next = (...taken: string[]) => nextNodeRange("10.244.0.0/22", new Set(taken));
  t.equal(next("10.244.0.0/23"), "10.244.2.0/24");
  t.equal(next("10.244.1.128/25", "10.244.0.0/26"), "10.244.2.0/24");
  t.equal(next("10.244.3.0/24", "10.244.0.0/24", "10.244.0.64/26"), "10.244.1.0/24", "in any order");
  t.equal(next("10.0.0.0/8"), undefined);
  t.equal(next("10.240.0.0/16", "10.245.0.0/16"), "10.244.0.0/24", "beside the cluster's");
  t.equal(next("10.244.0.0/24", "10.244.1.0/24", "10.244.2.0/24", "10.244.3.0/24"), undefined);
});

t.test("ended Pods beyond the threshold go, oldest first", async (t) => {
  const pods = [3, 1, 2].map((day) => makePod(`p${day}`, { phase: "Failed", created: `2026-01-0${day}T00:00:00Z` }));
  t.same(
    surplusTerminated(pods, 1).map((pod) => pod.metadata.name),
    ["p1", "p2"],
  );
  t.same(surplusTerminated(pods, 0), []);
});
