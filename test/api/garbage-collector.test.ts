/** What the garbage collector owes to owners and dependents, on a real store. */
import t from "tap";
import type { Pod } from "#api/generated/types.js";
import { deployments, pods, replicaSets } from "#api/refs.js";
import type { Client } from "#client/client.js";
import { eventually, startControlPlane } from "#test/fixtures/control-plane.js";
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
