/** What the garbage collector owes to owners and dependents, on a real store. */
import t from "tap";
import type { Pod } from "#api/generated/types.js";
import { deployments, pods, replicaSets, replicationControllers } from "#api/refs.js";
import type { Client } from "#client/client.js";
import { eventually, find, startControlPlane } from "#test/fixtures/control-plane.js";
import { proves } from "#test/proves.js";

const namespace = "default";
const SUITE = "[sig-api-machinery] Garbage collector should";
const spec = { containers: [{ name: "c", image: "nginx" }] };

function reference({ metadata: { name, uid } }: Pod) {
  return { apiVersion: "v1", kind: "Pod", name, uid, controller: true, blockOwnerDeletion: true };
}

async function deploymentWithSet(client: Client, name: string): Promise<string> {
  const labels = { app: name };
  const template = { metadata: { labels }, spec };
  await client.create(deployments, {
    metadata: { name, namespace },
    spec: { replicas: 2, selector: { matchLabels: labels }, template },
  });
  const list = () => client.list(replicaSets, { namespace, labelSelector: `app=${name}` });
  const { items } = await eventually("a ReplicaSet", list, ({ items }) => items[0]?.status?.replicas === 2);
  return items[0]!.metadata.name;
}

t.test("a circle of owners that wait for one another is opened", async (t) => {
  proves(t, `${SUITE} not be blocked by dependency circle [Conformance]`);
  const { client } = await startControlPlane(t, ["n1"]);
  const make = (name: string) => client.create(pods, { metadata: { name, namespace }, spec });
  const made = await Promise.all(["pod1", "pod2", "pod3"].map(make));
  for (const [index, { metadata }] of made.entries()) {
    const ownerReferences = [reference(made[(index + 2) % 3]!)];
    const body = { metadata: { ownerReferences } };
    await client.patch(pods, metadata.name, { type: "application/merge-patch+json", body }, { namespace });
  }
  await client.delete(pods, "pod1", namespace, { propagationPolicy: "Foreground" });
  const { items } = await eventually(
    "all gone",
    () => client.list(pods, { namespace }),
    ({ items }) => items.length === 0,
  );
  t.same(items, []);
});

t.test("the ReplicaSet of a Deployment goes with it, or stays as an orphan", async (t) => {
  proves(t, `${SUITE} delete RS created by deployment when not orphaning [Conformance]`);
  proves(t, `${SUITE} orphan RS created by deployment when deleteOptions.PropagationPolicy is Orphan [Conformance]`);
  const { client } = await startControlPlane(t, ["n1"]);
  const orphan = await deploymentWithSet(client, "left");
  const dependent = await deploymentWithSet(client, "gone");
  await client.delete(deployments, "left", namespace, { propagationPolicy: "Orphan" });
  await client.delete(deployments, "gone", namespace, { propagationPolicy: "Background" });
  const { items } = await eventually(
    "one is left",
    () => client.list(replicaSets, { namespace }),
    ({ items }) => !items.some(({ metadata }) => metadata.name === dependent),
  );
  // Everything the collector had to do with the second came after the first.
  t.match(items, [{ metadata: { name: orphan } }]);
  await eventually(
    "its Pods alone are left",
    () => client.list(pods, { namespace }),
    ({ items }) => items.length === 2 && items.every(({ metadata }) => metadata.ownerReferences?.[0]?.name === orphan),
  );
  await eventually(
    "nobody controls it",
    () => client.get(replicaSets, orphan, namespace),
    ({ metadata }) => !metadata.ownerReferences?.length,
  );
  await eventually(
    "no Deployment is left",
    () => client.list(deployments, { namespace }),
    ({ items }) => items.length === 0,
  );
});

t.test("a dependent of a living owner stays when another of its owners waits for it", async (t) => {
  const { client } = await startControlPlane(t, ["n1"]);
  const make = (name: string, owners: Pod[] = []) => {
    const ownerReferences = owners.map((owner) => ({ ...reference(owner), controller: false }));
    return client.create(pods, { metadata: { name, namespace, ownerReferences }, spec });
  };
  const going = await make("going");
  const staying = await make("staying");
  await make("shared", [going, staying]);
  await client.delete(pods, "going", namespace, { propagationPolicy: "Foreground" });
  const list = () => client.list(pods, { namespace });
  const { items } = await eventually("two are left", list, ({ items }) => items.length === 2);
  t.match(items, [
    { metadata: { name: "shared", ownerReferences: [{ name: "staying" }] } },
    { metadata: { name: "staying" } },
  ]);
});

t.test("the Pods of a ReplicationController go with it, before it, or stay as orphans", async (t) => {
  proves(t, `${SUITE} delete pods created by rc when not orphaning [Conformance]`);
  proves(t, `${SUITE} orphan pods created by rc if delete options say so [Serial] [Conformance]`);
  proves(
    t,
    `${SUITE} keep the rc around until all its pods are deleted if the deleteOptions says so [Serial] [Conformance]`,
  );
  const { client } = await startControlPlane(t, ["n1"]);
  const podsOf = async (app: string) => (await client.list(pods, { namespace, labelSelector: `app=${app}` })).items;
  const make = async (app: string, replicas: number, finalizers?: string[]) => {
    const labels = { app };
    const template = { metadata: { labels, finalizers }, spec };
    const metadata = { name: app, namespace };
    await client.create(replicationControllers, { metadata, spec: { replicas, selector: labels, template } });
    const isThere = ({ status }: { status?: { replicas?: number } }) => status?.replicas === replicas;
    await eventually(app, () => client.get(replicationControllers, app, namespace), isThere);
  };
  const remove = (app: string, propagationPolicy: string) =>
    client.delete(replicationControllers, app, namespace, { propagationPolicy });
  const isThere = async (app: string) => (await find(client, replicationControllers, app, namespace)) !== undefined;

  await make("gone", 2);
  await remove("gone", "Background");
  await eventually(
    "its Pods go",
    () => podsOf("gone"),
    (left) => left.length === 0,
  );
  t.notOk(await isThere("gone"));

  await make("left", 20);
  await remove("left", "Orphan");
  await eventually(
    "it goes",
    () => isThere("left"),
    (there) => !there,
  );
  const orphans = await podsOf("left");
  t.equal(orphans.length, 20);
  t.ok(orphans.every(({ metadata }) => !metadata.ownerReferences?.length && !metadata.deletionTimestamp));

  await make("waits", 3, ["example.com/hold"]);
  await remove("waits", "Foreground");
  const held = await eventually(
    "its Pods are on their way",
    () => podsOf("waits"),
    (all) => all.every(({ metadata }) => metadata.deletionTimestamp !== undefined),
  );
  t.ok(await isThere("waits"), "as long as one of its Pods is there");
  const release = { type: "application/merge-patch+json", body: { metadata: { finalizers: null } } } as const;
  for (const { metadata } of held) await client.patch(pods, metadata.name, release, { namespace });
  await eventually(
    "it goes after them",
    () => isThere("waits"),
    (there) => !there,
  );
  t.same(await podsOf("waits"), []);
});

t.test("Pods that two ReplicationControllers own stay with the one that stays", async (t) => {
  proves(
    t,
    `${SUITE} not delete dependents that have both valid owner and owner that's waiting for dependents to be deleted [Serial] [Conformance]`,
  );
  const { client } = await startControlPlane(t, ["n1"]);
  const labels = { app: "both" };
  const make = (name: string, replicas: number) =>
    client.create(replicationControllers, {
      metadata: { name, namespace },
      spec: {
        replicas,
        selector: { ...labels, of: name },
        template: { metadata: { labels: { ...labels, of: name } }, spec },
      },
    });
  await make("going", 6);
  const staying = await make("staying", 0);
  const list = async () => (await client.list(pods, { namespace, labelSelector: "app=both" })).items;
  const all = await eventually("six", list, (items) => items.length === 6);
  const { name, uid } = staying.metadata;
  const second = { apiVersion: "v1", kind: "ReplicationController", name, uid };
  const shared = all.slice(0, 3);
  for (const { metadata } of shared) {
    const ownerReferences = [...(metadata.ownerReferences ?? []), second];
    const patch = { type: "application/merge-patch+json", body: { metadata: { ownerReferences } } } as const;
    await client.patch(pods, metadata.name, patch, { namespace });
  }
  await client.delete(replicationControllers, "going", namespace, { propagationPolicy: "Foreground" });
  await eventually(
    "the owner goes",
    () => find(client, replicationControllers, "going", namespace),
    (found) => found === undefined,
  );
  const left = await list();
  const names = (items: readonly Pod[]) => items.map(({ metadata }) => metadata.name).sort();
  t.same(names(left), names(shared));
  t.ok(left.every(({ metadata }) => metadata.ownerReferences?.map((each) => each.uid).join() === uid));
});
