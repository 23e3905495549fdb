import t from "tap";
import type { Deployment, ReplicaSet, ReplicaSetStatus } from "#api/generated/types.js";
import { maxSurge, maxUnavailable } from "#controlplane/controllers/deployment/limits.js";
import { type DeploymentPlan, planDeployment } from "#controlplane/controllers/deployment/plan.js";
import { templateHash, templateIdentity } from "#controlplane/controllers/history/template-hash.js";
import { makeDeployment, makeReplicaSet, meta } from "#test/fixtures/objects.js";

const NOW = Date.parse("2026-01-01T01:00:00Z");
const ANNOTATION = "deployment.kubernetes.io/";

function template(image: string) {
  return { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image }] } };
}

interface SetShape {
  image?: string;
  ready?: number;
  desired?: number;
  max?: number;
  revision?: number;
  created?: string;
}

function set(name: string, replicas: number, shape: SetShape = {}): ReplicaSet {
  const { image = "nginx:1", ready = replicas, desired = 3, max = 4, revision = 1 } = shape;
  const status: ReplicaSetStatus = {
    replicas,
    readyReplicas: ready,
    availableReplicas: ready,
    observedGeneration: 1,
  };
  const base = makeReplicaSet(name, replicas);
  const annotations = {
    [`${ANNOTATION}desired-replicas`]: String(desired),
    [`${ANNOTATION}max-replicas`]: String(max),
    [`${ANNOTATION}revision`]: String(revision),
  };
  const creationTimestamp = shape.created ?? "2026-01-01T00:00:00Z";
  return {
    ...base,
    metadata: { ...base.metadata, annotations, creationTimestamp },
    spec: { ...base.spec, template: template(image) },
    status,
  };
}

function plan(deployment: Deployment, replicaSets: ReplicaSet[], oldPodsRunning = false): DeploymentPlan {
  return planDeployment({ deployment, replicaSets, oldPodsRunning, now: NOW });
}

/** "update web-2 from 0 to 1" style summary. */
function sizes(result: DeploymentPlan): string[] {
  return result.actions.map((action) => {
    const { metadata, spec } = action.replicaSet;
    return action.type === "delete" ? `delete ${metadata.name}` : `${action.type} ${metadata.name} ${spec.replicas}`;
  });
}

const reasons = (result: DeploymentPlan) =>
  Object.fromEntries((result.status.conditions ?? []).map((c) => [c.type, `${c.status} ${c.reason}`]));

t.test("percentages: surge rounds up, unavailable rounds down, never both zero", async (t) => {
  const limits = (replicas: number, surge: number | string, unavailable: number | string) => {
    const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } };
    const deployment = makeDeployment("web", { replicas, strategy });
    return [maxSurge(deployment), maxUnavailable(deployment)];
  };
  t.same(limits(3, "25%", "25%"), [1, 0]);
  t.same(limits(10, "25%", "25%"), [3, 2]);
  t.same(limits(10, 2, "100%"), [2, 10]);
  t.same(limits(2, "0%", "25%"), [0, 1]);
  t.same(limits(2, 0, 5), [0, 2]);
  const recreate = makeDeployment("web", { strategy: { type: "Recreate" } });
  t.same([maxSurge(recreate), maxUnavailable(recreate)], [0, 0]);
});

t.test("the first ReplicaSet", async (t) => {
  const deployment = makeDeployment("web");
  deployment.metadata.annotations = { note: "x", "kubectl.kubernetes.io/last-applied-configuration": "{}" };
  const result = plan(deployment, []);
  const hash = templateHash(deployment.spec.template);
  t.match(hash, /^[bcdfghjklmnpqrstvwxz2456789]{5,10}$/);
  t.match(result.actions, [
    {
      type: "create",
      event: `Scaled up replica set web-${hash} from 0 to 3`,
      replicaSet: {
        metadata: {
          name: `web-${hash}`,
          namespace: "ns",
          labels: { app: "web", "pod-template-hash": hash },
          ownerReferences: [{ kind: "Deployment", name: "web", controller: true, blockOwnerDeletion: true }],
          annotations: {
            note: "x",
            "deployment.kubernetes.io/revision": "1",
            "deployment.kubernetes.io/desired-replicas": "3",
            "deployment.kubernetes.io/max-replicas": "4",
          },
        },
        spec: {
          replicas: 3,
          selector: { matchLabels: { app: "web", "pod-template-hash": hash } },
          template: { metadata: { labels: { app: "web", "pod-template-hash": hash } } },
        },
      },
    },
  ]);
  t.equal(result.revision, "1");
  t.same(reasons(result), {
    Progressing: "True NewReplicaSetCreated",
    Available: "False MinimumReplicasUnavailable",
  });
  t.match(result.status, { observedGeneration: 1, unavailableReplicas: 3 });
  t.notOk(
    Object.keys(result.actions[0]?.replicaSet.metadata.annotations ?? {}).some((key) => key.startsWith("kubectl")),
  );
});

t.test("rolling update, 3 replicas, 25 %/25 %: one more, then one less, step by step", async (t) => {
  const deployment = makeDeployment("web", { template: template("nginx:2") });
  const before = set("web-1", 3);
  const start = plan(deployment, [before]);
  t.match(sizes(start), [/^create web-\w+ 1$/]);
  t.equal(start.revision, "2");
  const next = (oldSize: number, newSize: number, newReady: number, oldReady = oldSize) =>
    sizes(
      plan(deployment, [
        set("web-1", oldSize, { ready: oldReady }),
        set("web-2", newSize, { image: "nginx:2", ready: newReady, revision: 2 }),
      ]),
    );
  t.same(next(3, 1, 0), [], "waits for the new one");
  t.same(next(3, 1, 1), ["update web-1 2"]);
  t.same(next(2, 1, 1), ["update web-2 2"]);
  t.same(next(2, 2, 2), ["update web-1 1"]);
  t.same(next(1, 2, 2), ["update web-2 3"]);
  t.same(next(1, 3, 3), ["update web-1 0"]);
  t.same(next(0, 3, 3), []);
  t.same(next(3, 1, 0, 1), [], "nothing may become unavailable, broken or not");
});

t.test("maxUnavailable lets old Pods go before new ones are ready", async (t) => {
  const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } };
  const deployment = makeDeployment("web", { template: template("nginx:2"), strategy });
  t.match(sizes(plan(deployment, [set("web-1", 3)])), [/^create web-\w+ 0$/]);
  const fresh = (replicas: number, ready: number) =>
    set("web-2", replicas, { image: "nginx:2", ready, revision: 2, max: 3 });
  t.same(sizes(plan(deployment, [set("web-1", 3), fresh(0, 0)])), ["update web-1 2"]);
  t.same(sizes(plan(deployment, [set("web-1", 2), fresh(0, 0)])), ["update web-2 1"]);
  t.same(sizes(plan(deployment, [set("web-1", 2), fresh(1, 0)])), []);
  t.same(
    sizes(plan(deployment, [set("web-1", 3, { ready: 1 }), fresh(0, 0)])),
    ["update web-1 2"],
    "a broken one goes",
  );
});

t.test("undo finds the old ReplicaSet, whatever clients write for nothing, and gives it a new revision", async (t) => {
  const again = { ...template("nginx:1"), metadata: { labels: { app: "web" }, creationTimestamp: null as never } };
  const deployment = makeDeployment("web", { template: again });
  const result = plan(deployment, [
    set("web-1", 0, { revision: 1 }),
    set("web-2", 3, { image: "nginx:2", revision: 2 }),
  ]);
  t.same(sizes(result), ["update web-1 1"]);
  t.match(result.actions[0]?.replicaSet.metadata.annotations, {
    "deployment.kubernetes.io/revision": "3",
    "deployment.kubernetes.io/revision-history": "1",
  });
  t.equal(result.revision, "3");
});

t.test("Recreate: old ones go, and only when they ended the new ones come", async (t) => {
  const deployment = makeDeployment("web", { template: template("nginx:2"), strategy: { type: "Recreate" } });
  t.same(sizes(plan(deployment, [set("web-1", 3)])), ["update web-1 0"]);
  t.same(sizes(plan(deployment, [set("web-1", 0)], true)), []);
  t.match(sizes(plan(deployment, [set("web-1", 0)], false)), [/^create web-\w+ 3$/]);
});

t.test("pause holds the rollout but not the size; resume goes on", async (t) => {
  const deployment = makeDeployment("web", { template: template("nginx:2"), paused: true });
  const paused = plan(deployment, [set("web-1", 3)]);
  t.same(sizes(paused), []);
  t.match(reasons(paused), { Progressing: "Unknown DeploymentPaused" });
  const scaled = plan({ ...deployment, spec: { ...deployment.spec, replicas: 5 } }, [set("web-1", 3)]);
  t.same(sizes(scaled), ["update web-1 5"]);
  const resumed = { ...deployment, spec: { ...deployment.spec, paused: false }, status: paused.status };
  const after = plan(resumed, [set("web-1", 3)]);
  t.match(sizes(after), [/^create web-\w+ 1$/]);
});

t.test("scaling in the middle of a rollout is shared in proportion", async (t) => {
  const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } };
  const deployment = makeDeployment("web", { replicas: 15, template: template("nginx:2"), strategy });
  const sets = [
    set("web-1", 8, { desired: 10, max: 13 }),
    set("web-2", 5, { image: "nginx:2", desired: 10, max: 13, revision: 2, ready: 0 }),
  ];
  t.same(sizes(plan(deployment, sets)), ["update web-1 11", "update web-2 7"], "the documentation's example");
  const down = { ...deployment, spec: { ...deployment.spec, replicas: 5 } };
  t.same(sizes(plan(down, sets)), ["update web-1 5", "update web-2 3"]);
  const zero = { ...deployment, spec: { ...deployment.spec, replicas: 0 } };
  t.same(sizes(plan(zero, sets)), ["update web-1 0", "update web-2 0"]);
});

t.test("conditions: progressing, done, stuck", async (t) => {
  const deployment = makeDeployment("web");
  const first = plan(deployment, []);
  const rolling = plan({ ...deployment, status: first.status }, [set("web-1", 3, { ready: 1 })]);
  t.match(reasons(rolling), { Progressing: "True ReplicaSetUpdated" });
  t.equal(rolling.requeueAfter, 601_000);
  const stuck = planDeployment({
    deployment: { ...deployment, status: rolling.status },
    replicaSets: [set("web-1", 3, { ready: 1 })],
    oldPodsRunning: false,
    now: NOW + 601_000,
  });
  t.match(reasons(stuck), { Progressing: "False ProgressDeadlineExceeded" });
  t.match(stuck.status.conditions?.find((c) => c.type === "Progressing")?.message, /timed out progressing\.$/);
  const done = plan({ ...deployment, status: rolling.status }, [set("web-1", 3)]);
  t.same(reasons(done), {
    Progressing: "True NewReplicaSetAvailable",
    Available: "True MinimumReplicasAvailable",
  });
  t.match(done.status, { replicas: 3, updatedReplicas: 3, readyReplicas: 3, availableReplicas: 3 });
  t.equal(done.requeueAfter, undefined);
  t.same(plan({ ...deployment, status: done.status }, [set("web-1", 3)]).status, done.status, "settled");
});

t.test("a ReplicaSet that cannot create Pods is told of", async (t) => {
  const failing = set("web-1", 3, { ready: 0 });
  failing.status = {
    replicas: 0,
    conditions: [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "quota" }],
  };
  t.match(reasons(plan(makeDeployment("web"), [failing])), { ReplicaFailure: "True FailedCreate" });
});

t.test("history beyond the limit is deleted, lowest revisions first, only when empty", async (t) => {
  const deployment = makeDeployment("web", { revisionHistoryLimit: 1, template: template("nginx:9") });
  deployment.status = { replicas: 3, updatedReplicas: 3, availableReplicas: 3, observedGeneration: 1 };
  const sets = [
    set("web-3", 0, { image: "nginx:3", revision: 3 }),
    set("web-1", 0, { image: "nginx:1", revision: 1 }),
    set("web-2", 1, { image: "nginx:2", revision: 2, ready: 1 }),
    set("web-9", 3, { image: "nginx:9", revision: 4 }),
  ];
  t.ok(sizes(plan(deployment, sets)).includes("delete web-1"));
  t.notOk(sizes(plan(deployment, sets)).includes("delete web-2"));
});

t.test("a Deployment being deleted only counts", async (t) => {
  const deployment = makeDeployment("web", { template: template("nginx:2") });
  deployment.metadata = { ...meta("web"), deletionTimestamp: "2026-01-01T00:00:00Z" };
  const result = plan(deployment, [set("web-1", 3)]);
  t.same(result.actions, []);
  t.equal(result.status.replicas, 3);
});

t.test("hashes: stable, different for collisions, blind to the hash label", async (t) => {
  const plain = template("nginx:1");
  const labelled = { ...plain, metadata: { labels: { ...plain.metadata.labels, "pod-template-hash": "x" } } };
  t.equal(templateIdentity(plain), templateIdentity(labelled));
  t.equal(templateHash(plain), templateHash(template("nginx:1")));
  t.not(templateHash(plain), templateHash(plain, 1));
  t.not(templateHash(plain), templateHash(template("nginx:2")));
});
