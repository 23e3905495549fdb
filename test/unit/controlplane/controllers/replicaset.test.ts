import t from "tap";
import { planClaims } from "#controlplane/controllers/ownership/claim.js";
import { OwnWrites } from "#controlplane/controllers/ownership/own-writes.js";
import { podsToDelete } from "#controlplane/controllers/replicaset/deletion-order.js";
import { planReplicas } from "#controlplane/controllers/replicaset/plan.js";
import { slowStart } from "#controlplane/controllers/replicaset/slow-start.js";
import { nextAvailable, replicaSetStatus } from "#controlplane/controllers/replicaset/status.js";
import { makePod, makeReplicaSet, ownedBy } from "#test/fixtures/objects.js";

const NOW = Date.parse("2026-01-01T00:01:00Z");
const names = (pods: readonly { metadata: { name: string } }[]) => pods.map((pod) => pod.metadata.name);

t.test("creates what is missing, deletes what is too much", async (t) => {
  const pods = [
    makePod("a", { node: "n1", ready: true }),
    makePod("b", { node: "n1", ready: true, deleting: true }),
    makePod("c", { node: "n1", phase: "Failed" }),
  ];
  const plan = (replicas: number, extra = {}) => {
    const replicaSet = makeReplicaSet("rs", replicas, extra);
    return planReplicas({ replicaSet, pods, related: pods, now: NOW });
  };
  t.match(plan(3), { create: 2, delete: [] }, "ended and ending Pods are no replicas");
  t.match(plan(1), { create: 0, delete: [] });
  t.same(names(plan(0).delete), ["a"]);
  const { metadata } = makeReplicaSet("rs", 0);
  t.match(plan(3, { metadata: { ...metadata, deletionTimestamp: "x" } }), { create: 0, delete: [] });
  t.equal(plan(2000).create, 500, "in bursts");
});

t.test("deletes the least useful Pods first", async (t) => {
  const ready = { node: "n1", ready: true, readySince: "2025-12-31T00:00:00Z", created: "2025-12-31T00:00:00Z" };
  const pods = [
    makePod("best", ready),
    makePod("unscheduled"),
    makePod("pending", { node: "n1", phase: "Pending" }),
    makePod("unready", { node: "n1", ready: false }),
    makePod("cheap", { ...ready, annotations: { "controller.kubernetes.io/pod-deletion-cost": "-5" } }),
    makePod("crowded", { ...ready, node: "n2" }),
    makePod("fresh", { ...ready, readySince: "2026-01-01T00:00:59Z" }),
    makePod("restarted", { ...ready, restarts: 3 }),
    makePod("young", { ...ready, created: "2026-01-01T00:00:59Z" }),
  ];
  const crowd = Array.from({ length: 9 }, (_, i) => makePod(`sibling${i}`, { node: "n2" }));
  const order = names(podsToDelete(pods, [...pods, ...crowd], pods.length - 1, NOW));
  t.same(order, ["unscheduled", "pending", "unready", "cheap", "crowded", "fresh", "restarted", "young"]);
});

t.test("status counts, failure condition, minReadySeconds", async (t) => {
  const replicaSet = makeReplicaSet("rs", 3);
  replicaSet.spec.minReadySeconds = 30;
  const labels = { app: "web" };
  const pods = [
    makePod("a", { node: "n1", ready: true, labels }),
    makePod("b", { node: "n1", ready: true, labels, readySince: "2026-01-01T00:00:50Z" }),
    makePod("c", { node: "n1", ready: false }),
    makePod("d", { node: "n1", ready: true, deleting: true, labels }),
  ];
  const failure = { reason: "FailedCreate", message: "quota" } as const;
  const status = replicaSetStatus(replicaSet, pods, failure, NOW);
  t.match(status, {
    replicas: 3,
    fullyLabeledReplicas: 2,
    readyReplicas: 2,
    availableReplicas: 1,
    terminatingReplicas: 1,
    observedGeneration: 1,
    conditions: [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "quota" }],
  });
  t.equal(nextAvailable(replicaSet, pods, NOW), 20_000);
  const healed = replicaSetStatus({ ...replicaSet, status }, pods, undefined, NOW);
  t.equal(healed.conditions, undefined);
});

t.test("adopts orphans that match, releases what matches no more", async (t) => {
  const owner = makeReplicaSet("rs", 1);
  const mine = ownedBy("ReplicaSet", "rs");
  const managed = [makePod("mine", { owner: mine, labels: { app: "web" } }), makePod("relabelled", { owner: mine })];
  const orphans = [
    makePod("orphan", { labels: { app: "web" } }),
    makePod("stranger", { labels: { app: "db" } }),
    makePod("dying", { labels: { app: "web" }, deleting: true }),
  ];
  const plan = planClaims(owner, managed, orphans);
  t.same(names(plan.owned), ["mine"]);
  t.same(names(plan.release), ["relabelled"]);
  t.same(names(plan.adopt), ["orphan"]);
  const dying = { ...owner, metadata: { ...owner.metadata, deletionTimestamp: "x" } };
  t.match(planClaims(dying, managed, orphans), { adopt: [], release: [] });
});

t.test("slow start asks once when the first is refused", async (t) => {
  let calls = 0;
  const result = await slowStart(100, async () => {
    calls++;
    throw new Error("quota");
  });
  t.match(result, { error: { message: "quota" } });
  t.equal(calls, 1);
  calls = 0;
  t.equal(await slowStart(13, async () => void calls++), undefined);
  t.equal(calls, 13);
});

t.test("own writes: waits for a cache that is behind, however late", async (t) => {
  const writes = new OwnWrites();
  const created = makePod("a");
  const informer = { resourceVersion: "1", get: () => undefined } as never;
  const at = (resourceVersion: string, known?: unknown) => ({ resourceVersion, get: () => known }) as never;
  t.equal(writes.seen("k", informer), true);
  created.metadata.resourceVersion = "100";
  writes.wrote("k", created);
  t.equal(writes.seen("k", at("99")), false);
  t.equal(writes.seen("other", at("99")), true);
  t.equal(writes.seen("k", at("100")), true);
  writes.removed("k", created, "ns/a");
  t.equal(writes.seen("k", at("100", created)), false);
  t.equal(writes.seen("k", at("100", makePod("recreated"))), true);
});
