import t from "tap";
import type { Deployment, Pod } from "#api/generated/types.js";
import {
  configMaps,
  deployments,
  endpointSlices,
  endpoints,
  events,
  namespaces,
  nodes,
  pods,
  replicaSets,
  serviceAccounts,
  services,
} from "#api/refs.js";
import type { Client } from "#client/client.js";
import { templateHash } from "#controlplane/controllers/history/template-hash.js";
import { type ControlPlane, eventually, find, startControlPlane } from "#test/fixtures/control-plane.js";

const namespace = "default";
const merge = (body: object) => ({ type: "application/merge-patch+json", body }) as const;

function template(image: string, cpu = "10m") {
  const resources = { requests: { cpu } };
  const ports = [{ name: "http", containerPort: 80 }];
  return { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "web", image, resources, ports }] } };
}

function deploy(client: Client, spec: Partial<Deployment["spec"]> = {}): Promise<Deployment> {
  return client.create(deployments, {
    metadata: { name: "web", namespace },
    spec: { replicas: 3, selector: { matchLabels: { app: "web" } }, template: template("nginx:1"), ...spec },
  });
}

const getDeployment = (client: Client) => () => client.get(deployments, "web", namespace);
const listPods = (client: Client) => async () => (await client.list(pods, { namespace })).items;
const listSets = (client: Client) => async () => (await client.list(replicaSets, { namespace })).items;
const imageOf = (pod: Pod) => pod.spec.containers[0]?.image;

/** What `kubectl rollout status` waits for. */
function isRolledOut({ metadata, spec, status = {} }: Deployment): boolean {
  const replicas = spec.replicas ?? 1;
  return (
    (status.observedGeneration ?? 0) >= (metadata.generation ?? 0) &&
    (status.updatedReplicas ?? 0) === replicas &&
    (status.replicas ?? 0) === replicas &&
    (status.availableReplicas ?? 0) === replicas
  );
}

const rolledOut = (client: Client) => eventually("rollout", getDeployment(client), isRolledOut);

function progress(deployment: Deployment): string | undefined {
  return deployment.status?.conditions?.find((condition) => condition.type === "Progressing")?.reason;
}

async function eventMessages(client: Client, reason: string, about?: string): Promise<string[]> {
  const fieldSelector = about && `involvedObject.name=${about}`;
  const { items } = await client.list(events, { namespace, fieldSelector });
  return items.filter((event) => event.reason === reason).map((event) => event.message ?? "");
}

t.test("a Deployment: rolled out, updated, undone, scaled, paused, deleted", async (t) => {
  const plane = await startControlPlane(t);
  const { client } = plane;
  await deploy(client);
  const first = await rolledOut(client);
  t.equal(first.metadata.annotations?.["deployment.kubernetes.io/revision"], "1");
  t.equal(
    progress(await eventually("done", getDeployment(client), (d) => progress(d) === "NewReplicaSetAvailable")),
    "NewReplicaSetAvailable",
  );
  const [set] = await listSets(client)();
  const running = await listPods(client)();
  t.equal(running.length, 3);
  t.equal(new Set(running.map((pod) => pod.spec.nodeName)).size, 2, "spread over both nodes");
  t.match(running[0], {
    metadata: {
      name: new RegExp(`^${set?.metadata.name}-[a-z0-9]{5}$`),
      ownerReferences: [{ kind: "ReplicaSet", name: set?.metadata.name, controller: true }],
    },
    status: { phase: "Running" },
  });
  await eventually(
    "events",
    () => eventMessages(client, "Scheduled"),
    (messages) => messages.length === 3,
  );
  const told = (reason: string) =>
    eventually(
      reason,
      () => eventMessages(client, reason),
      (messages) => messages.length > 0,
    );
  t.same(await told("ScalingReplicaSet"), [`Scaled up replica set ${set?.metadata.name} from 0 to 3`]);
  t.match((await told("SuccessfulCreate"))[0], /^Created pod: web-/);
  t.match((await eventMessages(client, "Scheduled"))[0], /^Successfully assigned default\/web-\S+ to n[12]$/);

  await client.patch(deployments, "web", merge({ spec: { template: template("nginx:2") } }), { namespace });
  const updated = await rolledOut(client);
  t.equal(updated.metadata.annotations?.["deployment.kubernetes.io/revision"], "2");
  const images = (await eventually("old pods gone", listPods(client), (list) => list.length === 3)).map(imageOf);
  t.same(images, ["nginx:2", "nginx:2", "nginx:2"]);
  t.equal((await listSets(client)()).length, 2);

  // kubectl rollout undo: the old ReplicaSet's template, without the hash label.
  const undo = [{ op: "replace", path: "/spec/template", value: template("nginx:1") }];
  await client.patch(deployments, "web", { type: "application/json-patch+json", body: undo }, { namespace });
  const undone = await rolledOut(client);
  t.equal(undone.metadata.annotations?.["deployment.kubernetes.io/revision"], "3");
  t.equal((await listSets(client)()).length, 2, "the old ReplicaSet is used again");

  await client.patch(deployments, "web", merge({ spec: { replicas: 1 } }), { namespace });
  await rolledOut(client);
  await eventually("one pod", listPods(client), (list) => list.length === 1);

  const paused = { spec: { paused: true, replicas: 2, template: template("nginx:3") } };
  await client.patch(deployments, "web", merge(paused), { namespace });
  await eventually("scaled while paused", listPods(client), (list) => list.length === 2);
  t.same((await listPods(client)()).map(imageOf), ["nginx:1", "nginx:1"]);
  await eventually("told", getDeployment(client), (d) => progress(d) === "DeploymentPaused");
  await client.patch(deployments, "web", merge({ spec: { paused: false } }), { namespace });
  await rolledOut(client);
  await eventually(
    "new pods",
    listPods(client),
    (list) => list.length === 2 && list.every((p) => imageOf(p) === "nginx:3"),
  );

  await client.delete(deployments, "web", namespace, { propagationPolicy: "Background" });
  await eventually(
    "all gone",
    async () => [...(await listSets(client)()), ...(await listPods(client)())],
    (all) => all.length === 0,
  );
});

t.test("Pods replaced, adopted and released; orphan and foreground deletion", async (t) => {
  const { client } = await startControlPlane(t);
  const spec = { containers: [{ name: "web", image: "nginx:1" }] };
  await client.create(pods, { metadata: { name: "stray", namespace, labels: { app: "web" } }, spec });
  await deploy(client, { selector: { matchLabels: { app: "web" } }, replicas: 2 });
  await rolledOut(client);
  const [set] = await listSets(client)();
  const owned = async () =>
    (await listPods(client)()).filter((pod) => pod.metadata.ownerReferences?.[0]?.uid === set?.metadata.uid);
  t.equal((await owned()).length, 2, "a Pod without the hash label is not adopted");

  const [victim] = await owned();
  await client.delete(pods, String(victim?.metadata.name), namespace);
  await eventually(
    "replaced",
    owned,
    (list) => list.length === 2 && list.every((p) => p.metadata.uid !== victim?.metadata.uid),
  );

  const [loose] = await owned();
  const name = String(loose?.metadata.name);
  await client.patch(pods, name, merge({ metadata: { labels: { app: "debug" } } }), { namespace });
  await eventually(
    "released",
    () => client.get(pods, name, namespace),
    (pod) => !pod.metadata.ownerReferences?.length,
  );
  await eventually("and replaced", owned, (list) => list.length === 2);
  await client.patch(pods, name, merge({ metadata: { labels: { app: "web" } } }), { namespace });
  const others = async () => (await listPods(client)()).filter((pod) => pod.metadata.name !== "stray");
  await eventually("adopted, so one is too many", others, (list) => list.length === 2);

  await client.delete(replicaSets, String(set?.metadata.name), namespace, { propagationPolicy: "Orphan" });
  await eventually(
    "a new ReplicaSet takes the Pods over",
    async () => {
      const [fresh] = await listSets(client)();
      return { fresh: fresh?.metadata.uid, owners: (await others()).map((p) => p.metadata.ownerReferences?.[0]?.uid) };
    },
    ({ fresh, owners }) =>
      fresh !== undefined && fresh !== set?.metadata.uid && owners.length === 2 && owners.every((uid) => uid === fresh),
  );

  await client.delete(deployments, "web", namespace, { propagationPolicy: "Foreground" });
  const waiting = await find(client, deployments, "web", namespace);
  if (waiting) t.match(waiting.metadata, { finalizers: ["foregroundDeletion"], deletionTimestamp: String });
  await eventually(
    "the owner goes last",
    () => find(client, deployments, "web", namespace),
    (found) => !found,
  );
  t.same(await listSets(client)(), []);
  t.same(
    (await listPods(client)()).map((pod) => pod.metadata.name),
    ["stray"],
  );
});

t.test("an unready rollout stops; nothing available is given up", async (t) => {
  const plane = await startControlPlane(t, []);
  const { client } = plane;
  const node = await plane.addNode("n1");
  node.readyWhen = (pod) => imageOf(pod) !== "broken";
  await deploy(client);
  await rolledOut(client);
  await client.patch(deployments, "web", merge({ spec: { template: template("broken") } }), { namespace });
  const stuck = await eventually(
    "one surge pod",
    listPods(client),
    (list) => list.length === 4 && list.every((p) => p.status?.podIP),
  );
  t.equal(stuck.filter((pod) => imageOf(pod) === "nginx:1").length, 3);
  const { status } = await eventually("counted", getDeployment(client), (d) => d.status?.updatedReplicas === 1);
  t.equal(status?.availableReplicas, 3);
});

t.test("endpoints follow readiness and go with the Service", async (t) => {
  const plane = await startControlPlane(t, []);
  const { client } = plane;
  const node = await plane.addNode("n1");
  await client.create(services, {
    metadata: { name: "web", namespace },
    spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: "http" }] },
  });
  const slices = async () => (await client.list(endpointSlices, { namespace })).items;
  const ready = async () =>
    (await slices()).flatMap((s) => s.endpoints ?? []).filter((e) => e.conditions?.ready).length;
  await eventually("an empty slice", slices, (list) => list.length === 1);
  await deploy(client, { replicas: 4 });
  await eventually("four endpoints", ready, (count) => count === 4);
  t.match(await slices(), [{ ports: [{ port: 80, protocol: "TCP" }], addressType: "IPv4" }], "in one slice");
  const old = await eventually(
    "Endpoints",
    () => client.get(endpoints, "web", namespace),
    (e) => e.subsets?.[0]?.addresses?.length === 4,
  );
  t.match(old.subsets, [{ ports: [{ port: 80 }] }]);

  const [pod] = await listPods(client)();
  const unready = [{ type: "Ready", status: "False" }];
  node.readyWhen = (other) => other.metadata.uid !== pod?.metadata.uid;
  const patch = { type: "application/strategic-merge-patch+json", body: { status: { conditions: unready } } } as const;
  await client.patch(pods, String(pod?.metadata.name), patch, { namespace, subresource: "status" });
  await eventually("three endpoints", ready, (count) => count === 3);
  await eventually(
    "one not ready address",
    () => client.get(endpoints, "web", namespace),
    (e) => e.subsets?.[0]?.notReadyAddresses?.length === 1,
  );
  await client.delete(services, "web", namespace);
  await eventually("slices gone", slices, (list) => list.length === 0);
  await eventually(
    "Endpoints gone",
    () => find(client, endpoints, "web", namespace),
    (found) => !found,
  );
});

t.test("a Pod that fits nowhere is told why, and scheduled when room comes", async (t) => {
  const plane = await startControlPlane(t, ["n1"]);
  const { client } = plane;
  const container = { name: "c", image: "nginx:1", resources: { requests: { cpu: "3" } } };
  const make = (name: string) =>
    client.create(pods, { metadata: { name, namespace }, spec: { containers: [container] } });
  await make("first");
  await eventually(
    "first runs",
    () => client.get(pods, "first", namespace),
    (pod) => pod.status?.phase === "Running",
  );
  await make("second");
  const message =
    "0/1 nodes are available: 1 Insufficient cpu. " +
    "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";
  const waiting = await eventually(
    "told",
    () => client.get(pods, "second", namespace),
    (pod) => Boolean(pod.status?.conditions?.length),
  );
  t.match(waiting.status?.conditions, [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message }]);
  t.same(
    await eventually(
      "event",
      () => eventMessages(client, "FailedScheduling", "second"),
      (list) => list.length > 0,
    ),
    [message],
  );
  await client.delete(pods, "first", namespace);
  await eventually(
    "second runs",
    () => client.get(pods, "second", namespace),
    (pod) => pod.status?.phase === "Running",
  );
  await make("third");
  await eventually(
    "third waits",
    () => client.get(pods, "third", namespace),
    (pod) => Boolean(pod.status?.conditions?.length),
  );
  await plane.addNode("n2");
  await eventually(
    "third runs",
    () => client.get(pods, "third", namespace),
    (pod) => pod.spec.nodeName === "n2",
  );
});

t.test("a namespace is emptied, told of, and gone", async (t) => {
  const plane = await startControlPlane(t, ["n1"]);
  const { client } = plane;
  await client.create(namespaces, { metadata: { name: "team" }, spec: {} });
  await eventually("default account", () => find(client, serviceAccounts, "default", "team"), Boolean);
  const draft = { name: "web", namespace: "team" };
  await client.create(deployments, {
    metadata: draft,
    spec: { replicas: 5, selector: { matchLabels: { app: "web" } }, template: template("nginx:1") },
  });
  await client.create(configMaps, { metadata: { ...draft, finalizers: ["berth.io/hold"] }, data: { a: "1" } });
  await eventually(
    "pods",
    async () => (await client.list(pods, { namespace: "team" })).items,
    (list) => list.length === 5,
  );
  await client.delete(namespaces, "team");
  const held = await eventually(
    "waiting for the finalizer",
    () => client.get(namespaces, "team"),
    ({ status }) =>
      Boolean(
        status?.conditions?.some(
          (c) => c.type === "NamespaceFinalizersRemaining" && c.message?.includes("berth.io/hold in 1 resource"),
        ),
      ),
  );
  t.equal(held.status?.phase, "Terminating");
  const condition = (type: string) => held.status?.conditions?.find((c) => c.type === type)?.message;
  t.match(condition("NamespaceContentRemaining"), /configmaps\. has 1 resource instances/);
  t.match(condition("NamespaceFinalizersRemaining"), /berth\.io\/hold in 1 resource instances/);
  await client.patch(configMaps, "web", merge({ metadata: { finalizers: [] } }), { namespace: "team" });
  await eventually(
    "gone",
    () => find(client, namespaces, "team"),
    (found) => !found,
  );
  t.same((await client.list(pods, { namespace: "team" })).items, []);
});

t.test("a silent node is noticed, tainted and its Pods are moved", async (t) => {
  const plane = await startControlPlane(t, ["n1"]);
  const { client } = plane;
  const second = await plane.addNode("n2");
  t.match(
    (
      await eventually(
        "range",
        () => client.get(nodes, "n2"),
        (n) => Boolean(n.spec.podCIDR),
      )
    ).spec,
    {
      podCIDR: /^10\.244\.[01]\.0\/24$/,
      podCIDRs: [/^10\.244\.[01]\.0\/24$/],
    },
  );
  await client.patch(nodes, "n1", merge({ spec: { unschedulable: true } }));
  const seconds = (key: string) => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 1 });
  const tolerations = [seconds("node.kubernetes.io/unreachable"), seconds("node.kubernetes.io/not-ready")];
  const { metadata, spec } = template("nginx:1");
  await deploy(client, { replicas: 2, template: { metadata, spec: { ...spec, tolerations } } });
  await rolledOut(client);
  await client.patch(nodes, "n1", merge({ spec: { unschedulable: null } }));
  await second.stop();
  await second.beat(1);
  const silent = await eventually(
    "noticed",
    () => client.get(nodes, "n2"),
    (n) => n.spec.taints?.length === 2,
  );
  t.match(silent.status?.conditions, [{ type: "Ready", status: "Unknown", reason: "NodeStatusUnknown" }]);
  t.same(silent.spec.taints?.map((taint) => taint.effect).sort(), ["NoExecute", "NoSchedule"]);
  await eventually("moved", listPods(client), (list) => {
    const alive = list.filter((pod) => !pod.metadata.deletionTimestamp);
    return alive.length === 2 && alive.every((pod) => pod.spec.nodeName === "n1");
  });
  await rolledOut(client);
  await second.beat();
  const body = { status: { conditions: [{ type: "Ready", status: "True" }] } };
  await client.patch(nodes, "n2", { type: "application/strategic-merge-patch+json", body }, { subresource: "status" });
  await eventually(
    "back",
    () => client.get(nodes, "n2"),
    (n) => !n.spec.taints?.length,
  );
});

t.test("controllers that start again in the middle of a rollout make nothing twice", async (t) => {
  const plane: ControlPlane = await startControlPlane(t);
  const { client } = plane;
  await deploy(client, { replicas: 20 });
  await eventually("begun", listPods(client), (list) => list.length > 2);
  await plane.stopControllers();
  await client.patch(deployments, "web", merge({ spec: { template: template("nginx:2") } }), { namespace });
  await plane.startControllers();
  await rolledOut(client);
  const list = await eventually("20 pods", listPods(client), (all) => all.length === 20);
  t.ok(list.every((pod) => imageOf(pod) === "nginx:2"));
});

t.test("a taken ReplicaSet name leads to another hash", async (t) => {
  const { client } = await startControlPlane(t, ["n1"]);
  const name = `web-${templateHash((await dryRun(client)).spec.template)}`;
  const labels = { app: "other" };
  await client.create(replicaSets, {
    metadata: { name, namespace },
    spec: { replicas: 0, selector: { matchLabels: labels }, template: { ...template("x"), metadata: { labels } } },
  });
  await deploy(client);
  const deployment = await rolledOut(client);
  t.equal(deployment.status?.collisionCount, 1);
  t.equal((await listSets(client)()).length, 2);
});

/** The Deployment as the server would default it. */
function dryRun(client: Client): Promise<Deployment> {
  const spec = { selector: { matchLabels: { app: "web" } }, template: template("nginx:1") };
  return client.create(deployments, { metadata: { name: "web", namespace }, spec }, { dryRun: true });
}

t.test("Pods that may not be created: told on ReplicaSet and Deployment, healed when the cause goes", async (t) => {
  const { client } = await startControlPlane(t, ["n1"]);
  const pod = template("nginx:1");
  await deploy(client, { template: { ...pod, spec: { ...pod.spec, serviceAccountName: "missing" } } });
  const failed = await eventually("told", getDeployment(client), ({ status }) =>
    Boolean(status?.conditions?.some((condition) => condition.type === "ReplicaFailure")),
  );
  const failure = failed.status?.conditions?.find((condition) => condition.type === "ReplicaFailure");
  t.match(failure, { status: "True", reason: "FailedCreate", message: /service account.*missing.*not found/i });
  const messages = await eventually(
    "event",
    () => eventMessages(client, "FailedCreate"),
    (list) => list.length > 0,
  );
  t.match(messages[0], /^Error creating: pods "web-.*" is forbidden/);
  await client.create(serviceAccounts, { metadata: { name: "missing", namespace } });
  await rolledOut(client);
  await eventually("no failure", getDeployment(client), ({ status }) =>
    Boolean(status?.conditions?.every((condition) => condition.type !== "ReplicaFailure")),
  );
});

t.test("30 Pods are created, scheduled and counted", async (t) => {
  const { client } = await startControlPlane(t);
  const began = performance.now();
  await deploy(client, { replicas: 30 });
  await rolledOut(client);
  t.pass(`30 replicas in ${(performance.now() - began).toFixed(0)} ms`);
});
