/** The life of a Deployment, and rollouts that meet trouble on their way: Pods of some images never become ready. */
import t from "tap";
import type { Deployment, Pod, ReplicaSet } from "#api/generated/types.js";
import { deployments, replicaSets } from "#api/refs.js";
import type { Client } from "#client/client.js";
import { eventually, startControlPlane } from "#test/fixtures/control-plane.js";
import { proves } from "#test/proves.js";

const namespace = "default";
const labels = { app: "web" };
const isGood = (pod: Pod) => !pod.spec.containers[0]?.image?.includes("bad");
const template = (image: string) => ({ metadata: { labels }, spec: { containers: [{ name: "web", image }] } });

async function open(t: Parameters<typeof startControlPlane>[0]): Promise<Client> {
  const plane = await startControlPlane(t, []);
  (await plane.addNode("n1")).readyWhen = isGood;
  return plane.client;
}

function deploy(client: Client, spec: Partial<Deployment["spec"]>): Promise<Deployment> {
  const base = { selector: { matchLabels: labels }, template: template("good:1") };
  return client.create(deployments, { metadata: { name: "web", namespace }, spec: { ...base, ...spec } });
}

const change = (client: Client, spec: object) =>
  client.patch(deployments, "web", { type: "application/merge-patch+json", body: { spec } }, { namespace });

const imageOf = (set: ReplicaSet) => set.spec?.template?.spec?.containers[0]?.image ?? "";

/** Resolves when the ReplicaSets want so many Pods, by image. */
async function wanted(client: Client, expected: Record<string, number>): Promise<void> {
  const read = async () => {
    const { items } = await client.list(replicaSets, { namespace });
    return Object.fromEntries(items.map((set) => [imageOf(set), set.spec?.replicas]));
  };
  await eventually(JSON.stringify(expected), read, (found) =>
    Object.entries(expected).every(([image, replicas]) => found[image] === replicas),
  );
}

/** @param all as many Pods as there are, of whatever template, unless it does not matter */
const available = (client: Client, replicas: number, all?: number) =>
  eventually(
    `${replicas} available`,
    () => client.get(deployments, "web", namespace),
    ({ status, metadata }) =>
      status?.observedGeneration === metadata.generation &&
      (status?.availableReplicas ?? 0) === replicas &&
      (all === undefined || status?.replicas === all),
  );

t.test("scaling in the middle of a rollout is shared in proportion", async (t) => {
  proves(t, "[sig-apps] Deployment deployment should support proportional scaling [Conformance]");
  const client = await open(t);
  const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } };
  await deploy(client, { replicas: 10, strategy });
  await available(client, 10);
  await change(client, { template: template("bad:2") });
  // 10 and a surge of 3; of the ready ones 2 may go.
  await wanted(client, { "good:1": 8, "bad:2": 5 });
  await available(client, 8);
  await change(client, { replicas: 30 });
  await wanted(client, { "good:1": 20, "bad:2": 13 });
  await available(client, 20);
});

t.test("a change in the middle of a rollout goes before it", async (t) => {
  proves(t, "[sig-apps] Deployment deployment should support rollover [Conformance]");
  const client = await open(t);
  const spec = { replicas: 1, selector: { matchLabels: labels }, template: template("old:0") };
  await client.create(replicaSets, { metadata: { name: "old", namespace, labels }, spec });
  await eventually(
    "the old set is ready",
    () => client.get(replicaSets, "old", namespace),
    ({ status }) => status?.readyReplicas === 1,
  );
  const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
  await deploy(client, { replicas: 1, minReadySeconds: 1, strategy, template: template("bad:1") });
  await wanted(client, { "old:0": 1, "bad:1": 1 });
  await change(client, { template: template("good:2") });
  await wanted(client, { "old:0": 0, "bad:1": 0, "good:2": 1 });
  // One was available all the time: the rollout is over when no other Pod is counted.
  const { status, metadata } = await available(client, 1, 1);
  t.match(status, { replicas: 1, updatedReplicas: 1, readyReplicas: 1 });
  t.equal(metadata.annotations?.["deployment.kubernetes.io/revision"], "2", "the set it found had none");
  const { items } = await eventually(
    "Pods of the others gone",
    () => client.list(replicaSets, { namespace }),
    (list) => list.items.every((set) => set.status?.replicas === (imageOf(set) === "good:2" ? 1 : 0)),
  );
  t.equal(items.length, 3, "the sets stay as history");
});

t.test("made, listed, patched, scaled, replaced and deleted as a collection, and all of it watched", async (t) => {
  proves(t, "[sig-apps] Deployment should run the lifecycle of a Deployment [Conformance]");
  const client = await open(t);
  const marked = { "test-deployment-static": "true" };
  const labelSelector = "test-deployment-static=true";
  const seen: string[] = [];
  const watch = client.watch<Deployment>(
    deployments,
    { namespace, labelSelector, resourceVersion: (await client.list(deployments)).metadata.resourceVersion ?? "" },
    {
      onEvents: (events) => void seen.push(...events.map(({ type }) => type)),
      onEnd: (error) => t.error(error),
    },
  );
  t.teardown(() => watch.close());
  const metadata = { name: "web", namespace, labels: marked };
  const spec = { replicas: 2, selector: { matchLabels: labels }, template: template("good:1") };
  await client.create(deployments, { metadata, spec });
  await available(client, 2, 2);
  const patch = (type: string, body: object, subresource?: string) =>
    client.patch(
      deployments,
      "web",
      { type: type as "application/merge-patch+json", body },
      { namespace, subresource },
    );
  const strategic = "application/strategic-merge-patch+json";
  const containers = [{ name: "web", image: "good:2" }];
  const body = { spec: { replicas: 1, template: { spec: { containers, terminationGracePeriodSeconds: 0 } } } };
  t.match((await patch(strategic, { metadata: { labels: { patched: "true" } }, ...body })).spec, { replicas: 1 });
  await available(client, 1, 1);
  const { items } = await client.list(deployments, { labelSelector });
  t.match(items, [{ metadata: { labels: { patched: "true" } }, spec: { template: { spec: { containers } } } }]);
  await patch("application/merge-patch+json", { spec: { replicas: 2 } }, "scale");
  await available(client, 2, 2);
  const status = await patch(
    "application/merge-patch+json",
    { metadata: { labels: { more: "yes" } }, status: { readyReplicas: 0, availableReplicas: 0 } },
    "status",
  );
  t.equal(status.spec.replicas, 2, "a patch of the status changes nothing else");
  await available(client, 2, 2);
  const replaced = { ...spec, template: template("good:3") };
  const before = await client.get(deployments, "web", namespace);
  const whole = { apiVersion: "apps/v1", kind: "Deployment", metadata, spec: replaced };
  const after = await client.update(deployments, whole as unknown as Deployment);
  t.equal(after.metadata.uid, before.metadata.uid, "though the text does not name it");
  await wanted(client, { "good:3": 2, "good:2": 0 });
  await available(client, 2, 2);
  await client.deleteCollection(deployments, { namespace, labelSelector });
  t.same((await client.list(deployments, { labelSelector })).items, []);
  await eventually(
    "the end is told",
    async () => seen.at(-1),
    (last) => last === "DELETED",
  );
  t.equal(seen[0], "ADDED");
  t.ok(seen.filter((type) => type === "MODIFIED").length >= 4);
});
