/** DaemonSets as upstream's conformance tests take them, on hollow nodes. */
import t, { type Test } from "tap";
import type { ControllerRevision, DaemonSet, Pod } from "#api/generated/types.js";
import { controllerRevisions, daemonSets, nodes, pods } from "#api/refs.js";
import type { Client } from "#client/client.js";
import { eventually, startControlPlane } from "#test/fixtures/control-plane.js";
import { proves } from "#test/proves.js";

const namespace = "default";
const labels = { app: "logs" };
const DAEMONS = "[sig-apps] Daemon set [Serial]";
const template = (image: string, spec: object = {}) => ({
  metadata: { labels },
  spec: { containers: [{ name: "logs", image }], ...spec },
});
const merge = (body: object) => ({ type: "application/merge-patch+json", body }) as const;
const isGood = (pod: Pod) => !pod.spec.containers[0]?.image?.includes("bad");

async function open(t: Test) {
  const plane = await startControlPlane(t, []);
  for (const name of ["n1", "n2", "n3"]) (await plane.addNode(name)).readyWhen = isGood;
  return plane;
}

const create = (client: Client, spec: Partial<DaemonSet["spec"]> = {}): Promise<DaemonSet> =>
  client.create(daemonSets, {
    metadata: { name: "logs", namespace },
    spec: { selector: { matchLabels: labels }, template: template("logs:1"), ...spec },
  });
const change = (client: Client, spec: object) => client.patch(daemonSets, "logs", merge({ spec }), { namespace });
const label = (client: Client, node: string, color: string | null) =>
  client.patch(nodes, node, merge({ metadata: { labels: { color } } }));

/** Resolves when the status, of the newest spec, has all this. */
const status = (client: Client, wanted: object): Promise<DaemonSet> =>
  eventually(
    JSON.stringify(wanted),
    () => client.get(daemonSets, "logs", namespace),
    ({ status, metadata }) =>
      status?.observedGeneration === metadata.generation &&
      Object.entries(wanted).every(([key, value]) => (status?.[key as "numberReady"] ?? 0) === value),
  );

const podsBy = async (client: Client, name: (pod: Pod) => string) => {
  const { items } = await client.list<Pod>(pods, { namespace });
  return Object.fromEntries(items.map((pod) => [pod.spec.nodeName ?? "", name(pod)]).sort());
};
const uids = (client: Client) => podsBy(client, ({ metadata }) => metadata.uid);
const images = (client: Client) => podsBy(client, ({ spec }) => String(spec.containers[0]?.image));

t.test("on every node, new ones too, and again when one is deleted", async (t) => {
  proves(t, `${DAEMONS} should run and stop simple daemon [Conformance]`);
  const { client, addNode } = await open(t);
  await create(client);
  await status(client, { desiredNumberScheduled: 3, numberReady: 3, numberAvailable: 3, updatedNumberScheduled: 3 });
  const before = await uids(client);
  t.same(Object.keys(before), ["n1", "n2", "n3"]);
  const { items } = await client.list<Pod>(pods, { namespace });
  await client.delete(pods, items[0]!.metadata.name, namespace);
  await eventually(
    "another one",
    () => uids(client),
    (now) => Object.keys(now).length === 3 && JSON.stringify(now) !== JSON.stringify(before),
  );
  await addNode("n4");
  await status(client, { desiredNumberScheduled: 4, numberReady: 4 });
  await client.delete(daemonSets, "logs", namespace);
  await eventually(
    "Pods gone",
    () => client.list(pods, { namespace }),
    (list) => list.items.length === 0,
  );
});

t.test("on the nodes that a selector names, as they change", async (t) => {
  proves(t, `${DAEMONS} should run and stop complex daemon [Conformance]`);
  const { client } = await open(t);
  const selecting = (color: string) => ({ template: template("logs:1", { nodeSelector: { color } }) });
  await create(client, selecting("blue"));
  await status(client, { desiredNumberScheduled: 0, currentNumberScheduled: 0 });
  await label(client, "n2", "blue");
  await status(client, { desiredNumberScheduled: 1, numberReady: 1 });
  t.same(Object.keys(await uids(client)), ["n2"]);
  await label(client, "n2", "green");
  await status(client, { desiredNumberScheduled: 0, numberMisscheduled: 0 });
  await eventually(
    "gone",
    () => uids(client),
    (now) => Object.keys(now).length === 0,
  );
  await change(client, selecting("green"));
  await status(client, { desiredNumberScheduled: 1, numberReady: 1, updatedNumberScheduled: 1 });
});

t.test("a Pod that failed is made again", async (t) => {
  proves(t, `${DAEMONS} should retry creating failed daemon pods [Conformance]`);
  const { client } = await open(t);
  await create(client);
  await status(client, { numberReady: 3 });
  const before = await uids(client);
  const { items } = await client.list<Pod>(pods, { namespace });
  const { name } = items[0]!.metadata;
  await client.patch(pods, name, merge({ status: { phase: "Failed" } }), { namespace, subresource: "status" });
  await eventually(
    "made again",
    () => uids(client),
    (now) => Object.keys(now).length === 3 && JSON.stringify(now) !== JSON.stringify(before),
  );
  t.equal((await status(client, { numberReady: 3 })).status?.numberUnavailable, undefined);
});

t.test("a template rolled out, and back without a restart of what never changed", async (t) => {
  proves(
    t,
    `${DAEMONS} should update pod when spec was updated and update strategy is RollingUpdate [Conformance]`,
    `${DAEMONS} should rollback without unnecessary restarts [Conformance]`,
  );
  const { client } = await open(t);
  await create(client);
  await status(client, { numberAvailable: 3 });
  await change(client, { template: template("logs:2") });
  await status(client, { updatedNumberScheduled: 3, numberAvailable: 3 });
  t.same(await images(client), { n1: "logs:2", n2: "logs:2", n3: "logs:2" });
  const before = await uids(client);
  await change(client, { template: template("bad:3") });
  await status(client, { updatedNumberScheduled: 1, numberAvailable: 2 });
  await change(client, { template: template("logs:2") });
  await status(client, { updatedNumberScheduled: 3, numberAvailable: 3 });
  const after = await uids(client);
  t.equal(Object.keys(before).filter((node) => before[node] === after[node]).length, 2, "two were left in peace");
  const { items } = await client.list<ControllerRevision>(controllerRevisions, { namespace });
  t.same(items.map(({ revision }) => revision).sort(), [1, 3, 4]);
});

t.test("status and collections", async (t) => {
  proves(
    t,
    `${DAEMONS} should verify changes to a daemon set status [Conformance]`,
    `${DAEMONS} should list and delete a collection of DaemonSets [Conformance]`,
  );
  const { client } = await open(t);
  await create(client);
  const { status: counted } = await status(client, { numberReady: 3 });
  const conditions = [{ type: "StatusUpdate", status: "True", reason: "E2E", message: "Set from a test" }];
  await client.patch(daemonSets, "logs", merge({ status: { conditions } }), { namespace, subresource: "status" });
  await change(client, { minReadySeconds: 0, revisionHistoryLimit: 3 });
  const { status: after, metadata } = await status(client, { numberReady: 3 });
  t.match(after, { ...counted, observedGeneration: 2, conditions }, "a client's conditions stay");
  const query = { namespace, labelSelector: "e2e=listed" };
  const list = async () => (await client.list<DaemonSet>(daemonSets, query)).items.map((set) => set.metadata.uid);
  t.same(await list(), []);
  await client.patch(daemonSets, "logs", merge({ metadata: { labels: { e2e: "listed" } } }), { namespace });
  t.same(await list(), [metadata.uid]);
  await client.deleteCollection(daemonSets, query);
  t.same(await list(), []);
});

t.test("the life of a ControllerRevision", async (t) => {
  proves(t, "[sig-apps] ControllerRevision [Serial] should manage the lifecycle of a ControllerRevision [Conformance]");
  const { client } = await open(t);
  await create(client);
  await status(client, { numberReady: 3 });
  const list = async (labelSelector = "app=logs") =>
    (await client.list<ControllerRevision>(controllerRevisions, { namespace, labelSelector })).items;
  const [first] = (await list()) as [ControllerRevision];
  t.match(first, {
    revision: 1,
    metadata: { ownerReferences: [{ kind: "DaemonSet", name: "logs", controller: true }] },
  });
  const patched = await client.patch(
    controllerRevisions,
    first.metadata.name,
    merge({ metadata: { labels: { [first.metadata.name]: "patched" } } }),
    { namespace },
  );
  t.equal(patched.metadata.labels?.[first.metadata.name], "patched");
  const { name: _name, uid: _uid, resourceVersion: _version, creationTimestamp: _time, ...metadata } = first.metadata;
  const copy = { ...first, revision: 2, metadata: { ...metadata, generateName: "logs-copy-" } };
  const second = await client.create(controllerRevisions, copy);
  t.equal((await list()).length, 2);
  await client.delete(controllerRevisions, first.metadata.name, namespace);
  await eventually("one is left", list, (found) => found.every(({ metadata }) => metadata.uid !== first.metadata.uid));
  await client.update(controllerRevisions, { ...second, revision: 3 });
  await t.rejects(client.update(controllerRevisions, { ...second, data: {} }), /data|object has been modified/);
  await change(client, { template: template("logs:2") });
  const made = await eventually("of the new template", list, (found) => found.some(({ revision }) => revision === 4));
  t.equal(made.length, 2);
  await client.deleteCollection(controllerRevisions, { namespace, labelSelector: "app=logs" });
  await eventually("what is needed is made again", list, (found) => found.length === 1);
});

t.test("what is not valid, and what cannot change", async (t) => {
  const { client } = await open(t);
  const refused = (spec: object, message: RegExp) => t.rejects(create(client, spec as never), { code: 422, message });
  const rolling = (rollingUpdate: object) => ({ updateStrategy: { type: "RollingUpdate", rollingUpdate } });
  await refused({ updateStrategy: { type: "Later" } }, /updateStrategy.type: Unsupported value: "Later"/);
  await refused(
    rolling({ maxUnavailable: 1, maxSurge: 1 }),
    /maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero/,
  );
  await refused(rolling({ maxUnavailable: 0 }), /maxUnavailable: Required value: cannot be 0 when maxSurge is 0/);
  await refused(rolling({ maxUnavailable: "200%" }), /must not be greater than 100%/);
  await refused({ selector: {} }, /empty selector is invalid for daemonset/);
  await refused(
    { template: template("logs:1", { restartPolicy: "Never" }) },
    /restartPolicy: Unsupported value: "Never"/,
  );
  await create(client);
  await t.rejects(change(client, { selector: { matchLabels: { app: "logs", x: "y" } } }), {
    code: 422,
    message: /selector/,
  });
});
