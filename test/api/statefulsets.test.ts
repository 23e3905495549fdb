/** StatefulSets as upstream's conformance tests take them, on hollow nodes: some Pods become ready when they are told to. */
import t, { type Test } from "tap";
import type { Pod, StatefulSet } from "#api/generated/types.js";
import { controllerRevisions, pods, statefulSets } from "#api/refs.js";
import type { Client } from "#client/client.js";
import { startInformer } from "#client/informer.js";
import { eventually, startControlPlane } from "#test/fixtures/control-plane.js";
import { proves } from "#test/proves.js";

const namespace = "default";
const labels = { app: "db" };
const BASIC = "[sig-apps] StatefulSet Basic StatefulSet functionality [StatefulSetBasic]";
const template = (image: string) => ({ metadata: { labels }, spec: { containers: [{ name: "db", image }] } });
const merge = (body: object) => ({ type: "application/merge-patch+json", body }) as const;

interface World {
  client: Client;
  /** What came and went, in order: "+db-0", "-db-0". */
  readonly story: string[];
  /** Whether Pods are well from now on, those that run included. */
  well(yes: boolean): Promise<void>;
}

async function open(t: Test): Promise<World> {
  const plane = await startControlPlane(t, []);
  const { client } = plane;
  const node = await plane.addNode("n1");
  const story: string[] = [];
  const informer = startInformer(client, pods, { namespace });
  t.teardown(() => informer.stop());
  informer.addHandler({
    onAdd: ({ metadata }) => story.push(`+${metadata.name}`),
    onDelete: ({ metadata }) => story.push(`-${metadata.name}`),
  });
  await informer.synced;
  return {
    client,
    story,
    async well(yes) {
      node.readyWhen = () => yes;
      const { items } = await client.list(pods, { namespace });
      for (const { metadata } of items)
        await client.patch(pods, metadata.name, merge({ metadata: { annotations: { well: String(yes) } } }), {
          namespace,
        });
    },
  };
}

const create = (client: Client, spec: Partial<StatefulSet["spec"]>): Promise<StatefulSet> =>
  client.create(statefulSets, {
    metadata: { name: "db", namespace },
    spec: { serviceName: "db", selector: { matchLabels: labels }, template: template("db:1"), ...spec },
  });
const change = (client: Client, spec: object) => client.patch(statefulSets, "db", merge({ spec }), { namespace });

/** Resolves when the status, of the newest spec, has all this. */
const status = (client: Client, wanted: object): Promise<StatefulSet> =>
  eventually(
    JSON.stringify(wanted),
    () => client.get(statefulSets, "db", namespace),
    ({ status, metadata }) =>
      status?.observedGeneration === metadata.generation &&
      Object.entries(wanted).every(([key, value]) => (status?.[key as "replicas"] ?? 0) === value),
  );

/** Time for a controller to do what it must not. */
const aMoment = () => new Promise((resolve) => setTimeout(resolve, 300));

/** Images by Pod. */
async function images(client: Client): Promise<Record<string, string | undefined>> {
  const { items } = await client.list<Pod>(pods, { namespace });
  const byName = items.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  return Object.fromEntries(byName.map(({ metadata, spec }) => [metadata.name, spec.containers[0]?.image]));
}

t.test("scaled in order, halted by one that is not well", async (t) => {
  proves(
    t,
    `${BASIC} Scaling should happen in predictable order and halt if any stateful pod is unhealthy [Slow] [Conformance]`,
  );
  const { client, story, well } = await open(t);
  await well(false);
  await create(client, { replicas: 3 });
  await status(client, { replicas: 1 });
  await aMoment();
  t.same(story, ["+db-0"], "not beyond the first, which is not ready");
  await well(true);
  await status(client, { readyReplicas: 3 });
  t.same(story.splice(0), ["+db-0", "+db-1", "+db-2"]);
  await well(false);
  await status(client, { replicas: 3, readyReplicas: 0 });
  await change(client, { replicas: 0 });
  await status(client, { replicas: 3 });
  await aMoment();
  t.same(story, [], "nor down");
  await well(true);
  await status(client, { replicas: 0 });
  t.same(story, ["-db-2", "-db-1", "-db-0"]);
});

t.test("in bursts, well or not", async (t) => {
  proves(t, `${BASIC} Burst scaling should run to completion even with unhealthy pods [Slow] [Conformance]`);
  const { client, well } = await open(t);
  await well(false);
  await create(client, { replicas: 3, podManagementPolicy: "Parallel" });
  await status(client, { replicas: 3, readyReplicas: 0 });
  await change(client, { replicas: 5 });
  await status(client, { replicas: 5, readyReplicas: 0 });
  await change(client, { replicas: 0 });
  t.equal((await status(client, { replicas: 0 })).spec.replicas, 0);
});

t.test("a template rolled out, and back", async (t) => {
  proves(t, `${BASIC} should perform rolling updates and roll backs of template modifications [Conformance]`);
  const { client, story } = await open(t);
  await create(client, { replicas: 3 });
  const first = await status(client, { readyReplicas: 3, currentReplicas: 3 });
  const { currentRevision } = first.status!;
  t.equal(first.status?.updateRevision, currentRevision);
  story.length = 0;
  await change(client, { template: template("db:2") });
  const second = await status(client, { updatedReplicas: 3, currentReplicas: 3, readyReplicas: 3 });
  t.not(second.status?.currentRevision, currentRevision);
  t.equal(second.status?.updateRevision, second.status?.currentRevision, "over");
  t.same(story.splice(0), ["-db-2", "+db-2", "-db-1", "+db-1", "-db-0", "+db-0"]);
  t.same(await images(client), { "db-0": "db:2", "db-1": "db:2", "db-2": "db:2" });
  await change(client, { template: template("db:1") });
  await status(client, { updatedReplicas: 3, currentReplicas: 3, readyReplicas: 3, currentRevision });
  t.same(await images(client), { "db-0": "db:1", "db-1": "db:1", "db-2": "db:1" });
  const { items } = await client.list(controllerRevisions, { namespace });
  t.same(items.map(({ revision }) => revision).sort(), [2, 3], "the first is the third again");
});

t.test("a canary, and phases", async (t) => {
  proves(
    t,
    `${BASIC} should perform canary updates and phased rolling updates of template modifications [Conformance]`,
  );
  const { client } = await open(t);
  const from = (partition: number) => ({ updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition } } });
  await create(client, { replicas: 3, ...from(3) });
  await status(client, { readyReplicas: 3 });
  await change(client, { template: template("db:2") });
  const { status: waiting } = await status(client, { updatedReplicas: 0, currentReplicas: 3 });
  t.not(waiting?.updateRevision, waiting?.currentRevision, "known, and not rolled out");
  await change(client, from(2));
  await status(client, { updatedReplicas: 1, currentReplicas: 2, readyReplicas: 3 });
  t.same(await images(client), { "db-0": "db:1", "db-1": "db:1", "db-2": "db:2" });
  const before = await client.get(pods, "db-0", namespace);
  for (const name of ["db-0", "db-2"]) await client.delete(pods, name, namespace);
  await eventually(
    "made again",
    () => client.list(pods, { namespace }),
    ({ items }) => items.length === 3 && items.every(({ metadata }) => metadata.uid !== before.metadata.uid),
  );
  await status(client, { updatedReplicas: 1, currentReplicas: 2, readyReplicas: 3 });
  t.same(await images(client), { "db-0": "db:1", "db-1": "db:1", "db-2": "db:2" }, "each of its own revision");
  for (const partition of [1, 0]) {
    await change(client, from(partition));
    await status(client, { updatedReplicas: 3 - partition, readyReplicas: 3 });
  }
  const { status: over } = await status(client, { currentReplicas: 3 });
  t.equal(over?.currentRevision, over?.updateRevision);
});

t.test("OnDelete: whoever deletes a Pod rolls it out", async (t) => {
  const { client } = await open(t);
  await create(client, { replicas: 2, updateStrategy: { type: "OnDelete" } });
  await status(client, { readyReplicas: 2 });
  await change(client, { template: template("db:2") });
  await status(client, { updatedReplicas: 0, readyReplicas: 2 });
  await client.delete(pods, "db-0", namespace);
  await status(client, { updatedReplicas: 1, readyReplicas: 2 });
  t.same(await images(client), { "db-0": "db:2", "db-1": "db:1" });
});

t.test("a Pod that failed is made again under its name", async (t) => {
  const { client, story } = await open(t);
  await create(client, { replicas: 1 });
  await status(client, { readyReplicas: 1 });
  const failed = merge({ status: { phase: "Failed", reason: "Evicted" } });
  await client.patch(pods, "db-0", failed, { namespace, subresource: "status" });
  await eventually(
    "made again",
    async () => story.length,
    (length) => length === 3,
  );
  t.same(story, ["+db-0", "-db-0", "+db-0"]);
  await status(client, { readyReplicas: 1 });
});

t.test("what is not valid, and what cannot change", async (t) => {
  const { client } = await open(t);
  const refused = (spec: object, message: RegExp) => t.rejects(create(client, spec as never), { code: 422, message });
  await refused({ podManagementPolicy: "Random" }, /podManagementPolicy: Unsupported value: "Random"/);
  await refused({ updateStrategy: { type: "Later" } }, /updateStrategy.type: Unsupported value: "Later"/);
  await refused(
    { updateStrategy: { type: "OnDelete", rollingUpdate: { partition: 1 } } },
    /only allowed for updateStrategy/,
  );
  await refused(
    { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: -1, maxUnavailable: 0 } } },
    /partition: Invalid value: -1: must be greater than or equal to 0.*maxUnavailable: Invalid value: 0: cannot be 0/,
  );
  await refused({ selector: { matchLabels: { app: "other" } } }, /`selector` does not match template `labels`/);
  await refused(
    { replicas: -1, ordinals: { start: -1 } },
    /replicas: Invalid value: -1.*ordinals.start: Invalid value: -1/,
  );
  await create(client, { replicas: 0 });
  await t.rejects(change(client, { serviceName: "other" }), {
    code: 422,
    message: /spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template'/,
  });
  const { items } = await eventually(
    "a revision",
    () => client.list(controllerRevisions, { namespace }),
    (list) => list.items.length > 0,
  );
  const [{ metadata }] = items as [(typeof items)[0]];
  const data = { spec: { template: null } };
  await t.rejects(client.patch(controllerRevisions, metadata.name, merge({ data }), { namespace }), {
    code: 422,
    message: /data/,
  });
});
