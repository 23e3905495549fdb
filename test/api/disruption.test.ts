/** Disruption budgets and evictions as upstream's conformance tests take them, on hollow nodes. */
import t, { type Test } from "tap";
import type { Pod, PodDisruptionBudget } from "#api/generated/types.js";
import { deployments, namespaces, podDisruptionBudgets, pods } from "#api/refs.js";
import type { StatusError } from "#api/status-error.js";
import type { Client } from "#client/client.js";
import { eventually, startControlPlane } from "#test/fixtures/control-plane.js";
import { proves } from "#test/proves.js";

const namespace = "default";
const labels = { app: "web" };
const DISRUPTION = "[sig-apps] DisruptionController";
const merge = (body: object) => ({ type: "application/merge-patch+json", body }) as const;
const metadata = { name: "web", namespace };

const create = (client: Client, spec: object, extra: object = {}): Promise<PodDisruptionBudget> =>
  client.create(podDisruptionBudgets, {
    metadata: { ...metadata, ...extra },
    spec: { selector: { matchLabels: labels }, ...spec },
  });

const status = (client: Client, wanted: object): Promise<PodDisruptionBudget> =>
  eventually(
    JSON.stringify(wanted),
    () => client.get(podDisruptionBudgets, "web", namespace),
    ({ status, metadata }) =>
      status?.observedGeneration === metadata.generation &&
      Object.entries(wanted).every(([key, value]) => status?.[key as "expectedPods"] === value),
  );

async function deploy(client: Client, replicas: number): Promise<void> {
  await client.create(deployments, {
    metadata,
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "web", image: "nginx" }] } },
    },
  });
  await running(client, replicas);
}

const running = async (client: Client, count: number): Promise<Pod[]> => {
  const { items } = await eventually(
    `${count} Pods`,
    () => client.list<Pod>(pods, { namespace, labelSelector: "app=web" }),
    ({ items }) => items.filter((pod) => pod.status?.phase === "Running").length === count,
  );
  return [...items];
};

/** With a node on which, from the call of `onlyThese` on, no other Pods become ready: what was evicted stays missing. */
async function openWorld(t: Test) {
  const { client, addNode } = await startControlPlane(t, []);
  const node = await addNode("n1");
  const onlyThese = (known: readonly Pod[]) => {
    const uids = new Set(known.map(({ metadata }) => metadata.uid));
    node.readyWhen = ({ metadata }) => uids.has(metadata.uid);
  };
  return { client, onlyThese };
}

const evict = (client: Client, name: string, deleteOptions?: object): Promise<unknown> =>
  client.createSubresource(pods, name, namespace, "eviction", { metadata: { name, namespace }, deleteOptions });

const refusal = (client: Client, name: string, deleteOptions?: object) =>
  evict(client, name, deleteOptions).then(
    () => undefined,
    (error: StatusError) => error,
  );

t.test("a budget is made, changed, and says what it allows", async (t) => {
  proves(t, `${DISRUPTION} should create a PodDisruptionBudget [Conformance]`);
  proves(t, `${DISRUPTION} should observe PodDisruptionBudget status updated [Conformance]`);
  const { client } = await startControlPlane(t);
  const made = await create(client, { minAvailable: 1 });
  t.same(made.metadata.generation, 1);
  await status(client, { expectedPods: 0, disruptionsAllowed: 0, desiredHealthy: 1 });
  await deploy(client, 3);
  const { status: now } = await status(client, { expectedPods: 3, currentHealthy: 3, disruptionsAllowed: 2 });
  t.match(now?.conditions, [{ type: "DisruptionAllowed", status: "True", reason: "SufficientPods" }]);
  await client.patch(podDisruptionBudgets, "web", merge({ spec: { minAvailable: "100%" } }), { namespace });
  await status(client, { expectedPods: 3, desiredHealthy: 3, disruptionsAllowed: 0 });
  await client.patch(deployments, "web", merge({ spec: { replicas: 5 } }), { namespace });
  await status(client, { expectedPods: 5, desiredHealthy: 5, currentHealthy: 5 });
  await client.delete(podDisruptionBudgets, "web", namespace);
  t.same((await client.list(podDisruptionBudgets, { namespace })).items, []);
});

t.test("its status is updated and patched", async (t) => {
  proves(t, `${DISRUPTION} should update/patch PodDisruptionBudget status [Conformance]`);
  const { client, stopControllers } = await startControlPlane(t, []);
  await create(client, { minAvailable: 1 });
  const known = await status(client, { desiredHealthy: 1 });
  await stopControllers();
  const time = "2026-01-01T00:00:00Z";
  const changed = { ...known, status: { ...known.status!, disruptedPods: { one: time } } };
  const updated = await client.update(podDisruptionBudgets, changed, { subresource: "status" });
  t.same(updated.status?.disruptedPods, { one: time });
  const patch = merge({ status: { disruptedPods: { two: time } } });
  const patched = await client.patch(podDisruptionBudgets, "web", patch, { namespace, subresource: "status" });
  t.same(patched.status?.disruptedPods, { one: time, two: time });
  t.equal(patched.metadata.generation, 1);
});

t.test("those of all namespaces are listed, and deleted by their labels", async (t) => {
  proves(
    t,
    `${DISRUPTION} Listing PodDisruptionBudgets for all namespaces should list and delete a collection of PodDisruptionBudgets [Conformance]`,
  );
  const { client } = await startControlPlane(t, []);
  await client.create(namespaces, { metadata: { name: "other" }, spec: {} });
  const marked = { labels: { special: "yes" } };
  for (const name of ["one", "two"]) await create(client, { minAvailable: 1 }, { name, ...marked });
  await create(client, { minAvailable: 1 }, { namespace: "other", ...marked });
  await create(client, { minAvailable: 1 }, { name: "plain" });
  const special = { labelSelector: "special=yes" };
  t.equal((await client.list(podDisruptionBudgets, special)).items.length, 3);
  await client.deleteCollection(podDisruptionBudgets, { namespace, ...special });
  const left = (await client.list(podDisruptionBudgets, {})).items.map(({ metadata }) => metadata.name);
  t.same(left.sort(), ["plain", "web"]);
});

t.test("an eviction waits until the budget allows it", async (t) => {
  proves(t, `${DISRUPTION} should block an eviction until the PDB is updated to allow it [Conformance]`);
  const { client, onlyThese } = await openWorld(t);
  await deploy(client, 3);
  await create(client, { minAvailable: 3 });
  await status(client, { currentHealthy: 3, disruptionsAllowed: 0 });
  const [first, second] = await running(client, 3);
  const { name } = first!.metadata;
  const error = await refusal(client, name);
  t.match(error, {
    code: 429,
    reason: "TooManyRequests",
    message: "Cannot evict pod as it would violate the pod's disruption budget.",
    details: {
      causes: [
        {
          reason: "DisruptionBudget",
          message: "The disruption budget web needs 3 healthy pods and has 3 currently",
        },
      ],
    },
  });
  await client.patch(podDisruptionBudgets, "web", merge({ spec: { minAvailable: 2 } }), { namespace });
  await status(client, { currentHealthy: 3, disruptionsAllowed: 1 });
  const wrong = await refusal(client, name, { preconditions: { uid: "another" } });
  t.equal(wrong?.code, 409);
  await evict(client, name, { dryRun: ["All"] });
  t.match(
    (await client.get(podDisruptionBudgets, "web", namespace)).status,
    { disruptionsAllowed: 1 },
    "nothing spent",
  );
  onlyThese(await running(client, 3));
  await evict(client, name);
  t.equal((await refusal(client, second!.metadata.name))?.code, 429, "the one that was allowed is spent");
  await status(client, { currentHealthy: 2, disruptionsAllowed: 0, disruptedPods: undefined });
  t.ok(
    (await running(client, 3)).every((pod) => pod.metadata.uid !== first!.metadata.uid),
    "another took its place",
  );
});

t.test("two at a time do not share the last one", async (t) => {
  const { client, onlyThese } = await openWorld(t);
  await deploy(client, 6);
  await create(client, { maxUnavailable: 2 });
  await status(client, { currentHealthy: 6, disruptionsAllowed: 2 });
  const all = await running(client, 6);
  onlyThese(all);
  const answers = await Promise.all(all.map(({ metadata }) => refusal(client, metadata.name)));
  t.equal(answers.filter((error) => error === undefined).length, 2);
  t.ok(answers.every((error) => error === undefined || error.code === 429));
  await status(client, { currentHealthy: 4, disruptionsAllowed: 0, disruptedPods: undefined });
});

t.test("what has no size cannot be counted in parts: nothing is allowed, and it is said why", async (t) => {
  const { client } = await startControlPlane(t);
  const controller = { apiVersion: "example.com/v1", kind: "Robot", name: "r2", uid: "1", controller: true };
  await client.create(pods, {
    metadata: { name: "lonely", namespace, labels, ownerReferences: [controller] },
    spec: { containers: [{ name: "c", image: "nginx" }] },
  });
  await create(client, { maxUnavailable: 1 });
  const { status: failed } = await status(client, { disruptionsAllowed: 0 });
  t.match(failed?.conditions, [
    { status: "False", reason: "SyncFailed", message: "Robot r2 does not implement the scale subresource" },
  ]);
});

t.test("bad budgets", async (t: Test) => {
  const { client } = await startControlPlane(t, []);
  const refused = (spec: object) =>
    create(client, spec).then(
      () => "made",
      ({ code, message }: StatusError) => `${code} ${message}`,
    );
  t.match(
    await refused({ minAvailable: 1, maxUnavailable: 1 }),
    /422 .*minAvailable and maxUnavailable cannot be both set/,
  );
  t.match(
    await refused({ minAvailable: -1 }),
    /422 .*spec.minAvailable: Invalid value: -1: must be greater than or equal to 0/,
  );
  t.match(await refused({ maxUnavailable: "101%" }), /422 .*spec.maxUnavailable.*must not be greater than 100%/);
  t.match(await refused({ maxUnavailable: "some" }), /422 .*a valid percent string/);
  t.match(
    await refused({ minAvailable: 1, unhealthyPodEvictionPolicy: "Never" }),
    /422 .*spec.unhealthyPodEvictionPolicy: Unsupported value: "Never"/,
  );
});
