/** Claims that somebody makes, and that a namespace bounds: of Pods, of StatefulSets, under quotas and limit ranges. */
import t from "tap";
import type { PersistentVolumeClaim, StatefulSet } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { limitRanges, persistentVolumeClaims, pods, resourceQuotas, statefulSets } from "#api/refs.js";
import { eventually, find } from "#test/fixtures/control-plane.js";
import { claim, manual, merge, namespace, user, World } from "#test/fixtures/volumes.js";

t.test("volumes that are made for a Pod go with it", async (t) => {
  const world = await World.open(t);
  const { client } = world;
  const ephemeral = { volumeClaimTemplate: { metadata: { labels: { a: "b" } }, spec: claim("", "1Gi").spec } };
  await client.create(pods, user("web", "", { volumes: [{ name: "scratch", ephemeral }] }));
  await world.running("web");
  const { metadata } = await world.claim("web-scratch");
  t.match(metadata, { labels: { a: "b" }, ownerReferences: [{ kind: "Pod", name: "web", controller: true }] });
  const { metadata: made } = await world.bound("web-scratch");
  await client.delete(pods, "web", namespace);
  await world.claimGone("web-scratch");
  await world.volumeGone(made.name);

  await client.create(persistentVolumeClaims, claim("foreign-scratch", "1Gi"));
  await client.create(pods, user("foreign", "", { volumes: [{ name: "scratch", ephemeral }] }));
  await world.said(
    "foreign",
    /FailedScheduling: .*PVC default\/foreign-scratch was not created for pod default\/foreign \(pod is not owner\)/,
  );
});

t.test("a StatefulSet's claims belong to its places", async (t) => {
  const world = await World.open(t);
  const { client } = world;
  const labels = { app: "db" };
  const containers = [{ name: "db", image: "db:1", volumeMounts: [{ name: "data", mountPath: "/data" }] }];
  const create = (name: string, policy?: StatefulSet["spec"]["persistentVolumeClaimRetentionPolicy"]) =>
    client.create(statefulSets, {
      metadata: { name, namespace },
      spec: {
        replicas: 2,
        serviceName: name,
        selector: { matchLabels: { ...labels, name } },
        template: { metadata: { labels: { ...labels, name } }, spec: { containers } },
        volumeClaimTemplates: [{ metadata: { name: "data" }, spec: claim("", "1Gi").spec } as PersistentVolumeClaim],
        persistentVolumeClaimRetentionPolicy: policy,
      },
    });
  const scale = (name: string, replicas: number) =>
    client.patch(statefulSets, name, merge({ spec: { replicas } }), { namespace });
  const podGone = (name: string) =>
    eventually(
      `${name} gone`,
      () => find(client, pods, name, namespace),
      (it) => !it,
    );

  await create("kept");
  for (const name of ["kept-0", "kept-1"]) await world.running(name);
  const before = (await world.bound("data-kept-1")).metadata.name;
  t.same((await world.claim("data-kept-1")).metadata.labels, { ...labels, name: "kept" });
  await scale("kept", 1);
  await podGone("kept-1");
  await scale("kept", 2);
  await world.running("kept-1");
  t.equal((await world.bound("data-kept-1")).metadata.name, before, "the same data");
  await client.delete(statefulSets, "kept", namespace);
  await podGone("kept-0");
  t.equal((await world.claim("data-kept-0")).metadata.ownerReferences, undefined);

  await create("spent", { whenDeleted: "Delete", whenScaled: "Delete" });
  await world.running("spent-1");
  t.match((await world.claim("data-spent-1")).metadata.ownerReferences, [{ kind: "StatefulSet", name: "spent" }]);
  await scale("spent", 1);
  await world.claimGone("data-spent-1");
  await world.claim("data-spent-0");
  await client.delete(statefulSets, "spent", namespace);
  await world.claimGone("data-spent-0");
});

t.test("claims count against quotas, and keep within ranges", async (t) => {
  const { client } = await World.open(t);
  const ofClass = (what: string) => `manual.storageclass.storage.k8s.io/${what}`;
  const hard = {
    persistentvolumeclaims: "3",
    "requests.storage": "5Gi",
    [ofClass("requests.storage")]: "2Gi",
    [ofClass("persistentvolumeclaims")]: "1",
  };
  await client.create(resourceQuotas, { metadata: { name: "quota", namespace }, spec: { hard } });
  const limits = [{ type: "PersistentVolumeClaim", min: { storage: "1Gi" }, max: { storage: "4Gi" } }];
  await client.create(limitRanges, { metadata: { name: "range", namespace }, spec: { limits } });
  const create = (draft: Draft<PersistentVolumeClaim>) => client.create(persistentVolumeClaims, draft);
  const refused = (draft: Draft<PersistentVolumeClaim>, message: RegExp) =>
    t.rejects(create(draft), { code: 403, message });
  await refused(claim("tiny", "1Mi"), /minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi/);
  await refused(claim("huge", "9Gi"), /maximum storage usage per PersistentVolumeClaim is 4Gi, but request is 9Gi/);
  await refused(
    manual("much", "3Gi"),
    /exceeded quota: quota, requested: manual.storageclass.storage.k8s.io\/requests.storage=3Gi/,
  );
  await create(manual("first", "2Gi"));
  await refused(manual("second", "1Gi"), /manual.storageclass.storage.k8s.io\/persistentvolumeclaims=1/);
  await create(claim("third", "3Gi"));
  await refused(
    claim("fourth", "1Gi"),
    /requested: requests.storage=1Gi, used: requests.storage=5Gi, limited: requests.storage=5Gi/,
  );
  const small = { type: "PersistentVolumeClaim", min: { storage: "4Gi" } };
  await client.create(limitRanges, { metadata: { name: "later", namespace }, spec: { limits: [small] } });
  const labels = { kept: "yes" };
  await client.patch(persistentVolumeClaims, "first", merge({ metadata: { labels } }), { namespace });
  const wanted = { persistentvolumeclaims: "2", "requests.storage": "5Gi", [ofClass("requests.storage")]: "2Gi" };
  await eventually(
    "the quota's status",
    () => client.get(resourceQuotas, "quota", namespace),
    ({ status }) => Object.entries(wanted).every(([name, amount]) => status?.used?.[name] === amount),
  );
});
