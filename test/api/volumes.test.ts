/** Claims and volumes: who gets which, where its Pods go, and what becomes of both. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { nodes, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from "#api/refs.js";
import { LOCAL_DATA } from "#api/storage.js";
import { eventually } from "#test/fixtures/control-plane.js";
import { named } from "#test/fixtures/two-lives.js";
import { claim, manual, merge, namespace, user, volume, World } from "#test/fixtures/volumes.js";
import { proves } from "#test/proves.js";

t.test("the lives of a volume and its claim", async (t) => {
  proves(
    t,
    "[sig-storage] PersistentVolumes CSI Conformance should run through the lifecycle of a PV and a PVC [Conformance]",
  );
  proves(t, "[sig-storage] PersistentVolumes CSI Conformance should apply changes to a pv/pvc status [Conformance]");
  const world = await World.open(t);
  const { client } = world;
  const csi = { driver: "inline.example.com", volumeHandle: "conformance" };
  const make = async (n: number) => {
    await client.create(persistentVolumes, volume(`pv-${n}`, "2Gi", { hostPath: undefined, csi }, { e2e: "pv" }));
    await client.create(persistentVolumeClaims, manual(`pvc-${n}`, "2Gi"));
    t.equal((await world.bound(`pvc-${n}`)).metadata.name, `pv-${n}`);
  };
  await make(1);
  t.same(await named(client, persistentVolumes, "e2e=pv"), ["pv-1"]);
  t.equal((await client.list(persistentVolumeClaims, { namespace })).items.length, 1);
  const label = (name: string, word: string) => ({ metadata: { labels: { [name]: word } } });
  const strategic = (body: object) => ({ type: "application/strategic-merge-patch+json", body }) as const;
  t.equal(
    (await client.patch(persistentVolumes, "pv-1", strategic(label("pv-1", "patched")))).metadata.labels?.["pv-1"],
    "patched",
  );
  const patched = await client.patch(persistentVolumeClaims, "pvc-1", strategic(label("pvc-1", "patched")), {
    namespace,
  });
  t.equal((await world.claim("pvc-1")).metadata.uid, patched.metadata.uid);

  const status = { subresource: "status" };
  const condition = { type: "StatusPatched", status: "True", reason: "Test", message: "set by a test" };
  const told = await client.patch(persistentVolumeClaims, "pvc-1", merge({ status: { conditions: [condition] } }), {
    namespace,
    ...status,
  });
  t.match(told.status, { phase: "Bound", conditions: [condition] });
  await client.patch(persistentVolumes, "pv-1", merge({ status: { message: "patched", reason: "Test" } }), status);
  const known = await world.claim("pvc-1");
  const updated = { ...condition, type: "StatusUpdated" };
  t.match(
    (
      await client.update(
        persistentVolumeClaims,
        { ...known, status: { ...known.status, conditions: [updated] } },
        status,
      )
    ).status,
    { conditions: [updated] },
  );
  const current = await world.volume("pv-1");
  t.match(current.status, { phase: "Bound", message: "patched", reason: "Test" }, "and nobody takes it away");
  await client.update(persistentVolumes, { ...current, status: { ...current.status, reason: "Updated" } }, status);
  t.equal((await world.volume("pv-1")).status?.reason, "Updated");

  await client.delete(persistentVolumeClaims, "pvc-1", namespace);
  await world.claimGone("pvc-1");
  await client.delete(persistentVolumes, "pv-1");
  await world.volumeGone("pv-1");

  await make(2);
  const [pv, pvc] = [await world.volume("pv-2"), await world.claim("pvc-2")];
  const relabelled = { ...pv.metadata.labels, "pv-2": "updated" };
  await client.update(persistentVolumes, { ...pv, metadata: { ...pv.metadata, labels: relabelled } });
  await client.update(persistentVolumeClaims, {
    ...pvc,
    metadata: { ...pvc.metadata, labels: { "pvc-2": "updated" } },
  });
  t.same(await named(client, persistentVolumeClaims, "pvc-2=updated"), ["pvc-2"]);
  await client.deleteCollection(persistentVolumeClaims, { namespace, labelSelector: "pvc-2=updated" });
  await world.claimGone("pvc-2");
  await client.deleteCollection(persistentVolumes, { labelSelector: "pv-2=updated" });
  await world.volumeGone("pv-2");
});

t.test("a claim gets the smallest volume that will do, and keeps it", async (t) => {
  const world = await World.open(t);
  const { client } = world;
  await client.create(persistentVolumeClaims, manual("early", "1500Mi"));
  await world.said("early", /^ProvisioningFailed: storageclass.storage.k8s.io "manual" not found$/);
  for (const [name, size] of Object.entries({ small: "1Gi", large: "9Gi", right: "2Gi" }))
    await client.create(persistentVolumes, volume(name, size));
  await client.create(persistentVolumes, volume("other-class", "2Gi", { storageClassName: "fast" }));
  await client.create(persistentVolumes, volume("fancy", "9Gi", {}, { disk: "ssd" }));
  // The first that was there may be the first that came.
  t.ok(["large", "right"].includes((await world.bound("early")).metadata.name), "one that is large enough");

  await client.create(persistentVolumeClaims, manual("picky", "1Gi", { selector: { matchLabels: { disk: "ssd" } } }));
  t.equal((await world.bound("picky")).metadata.name, "fancy");
  await client.create(persistentVolumeClaims, manual("little", "10Mi"));
  t.equal((await world.bound("little")).metadata.name, "small");
  t.match((await world.claim("little")).status, { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"] });

  await client.create(
    persistentVolumeClaims,
    manual("by-name", "3Gi", { storageClassName: "fast", volumeName: "other-class" }),
  );
  await world.said(
    "by-name",
    /^VolumeMismatch: Cannot bind to requested volume "other-class": requested PV is too small$/,
  );
  await client.create(persistentVolumeClaims, manual("thief", "1Gi", { volumeName: "small" }));
  await world.said("thief", /^FailedBinding: volume "small" already bound to a different claim.$/);
  await client.create(
    persistentVolumes,
    volume("kept", "1Gi", { storageClassName: "", claimRef: { namespace, name: "heir" } }),
  );
  await client.create(persistentVolumeClaims, claim("heir", "1Gi", { storageClassName: "" }));
  t.equal((await world.bound("heir")).metadata.name, "kept", "a volume that names its claim");

  await client.delete(persistentVolumes, "small");
  t.ok((await world.volume("small")).metadata.deletionTimestamp, "a claim holds it");
  await client.delete(persistentVolumeClaims, "little", namespace);
  await world.volumeGone("small");
  await client.delete(persistentVolumeClaims, "heir", namespace);
  await world.phase("kept", "Released");
  await client.create(persistentVolumeClaims, claim("heir", "1Gi", { storageClassName: "" }));
  await world.said(
    "heir",
    /^FailedBinding: no persistent volumes available for this claim and no storage class is set$/,
  );
  t.equal((await world.volume("kept")).status?.phase, "Released", "what was stored is not for the next one");

  await client.create(
    persistentVolumes,
    volume("nobodys", "1Gi", { storageClassName: "del", persistentVolumeReclaimPolicy: "Delete" }),
  );
  await client.create(persistentVolumeClaims, manual("short", "1Gi", { storageClassName: "del" }));
  await world.bound("short");
  await client.delete(persistentVolumeClaims, "short", namespace);
  t.match((await world.phase("nobodys", "Failed")).status, { message: /no deletable volume plugin matched/ });

  await client.create(persistentVolumeClaims, manual("loser", "1Gi", { selector: { matchLabels: { disk: "gone" } } }));
  await client.create(persistentVolumes, volume("gone", "1Gi", {}, { disk: "gone" }));
  await world.bound("loser");
  await client.patch(persistentVolumes, "gone", merge({ metadata: { finalizers: null } }));
  await client.delete(persistentVolumes, "gone");
  await world.said("loser", /^ClaimLost: Bound claim has lost its PersistentVolume/);
  t.equal((await world.claim("loser")).status?.phase, "Lost");
});

t.test("a volume is made where the claim's first Pod goes, and its Pods go there", async (t) => {
  const world = await World.open(t);
  const { client, storage } = world;
  await client.create(persistentVolumeClaims, claim("data", "1Gi"));
  t.equal((await world.claim("data")).spec.storageClassName, "local", "the default class");
  await world.said("data", /^WaitForFirstConsumer: waiting for first consumer to be created before binding$/);
  await client.create(pods, user("first", "data", { nodeSelector: { "kubernetes.io/hostname": "n2" } }));
  t.equal((await world.running("first")).spec.nodeName, "n2");
  const made = await world.bound("data");
  t.match(made, {
    metadata: { name: `pvc-${(await world.claim("data")).metadata.uid}` },
    spec: {
      local: { path: /\/n2\/pvc-.*_default_data$/ },
      persistentVolumeReclaimPolicy: "Delete",
      capacity: { storage: "1Gi" },
    },
  });
  for (const name of ["second", "third"]) await client.create(pods, user(name, "data"));
  for (const name of ["second", "third"]) t.equal((await world.running(name)).spec.nodeName, "n2", "beside its data");
  await client.create(pods, user("elsewhere", "data", { nodeSelector: { "kubernetes.io/hostname": "n1" } }));
  await world.said(
    "elsewhere",
    /^FailedScheduling: 0\/2 nodes are available: 1 node\(s\) didn't match (PersistentVolume's node affinity|Pod's node affinity\/selector), 1 node\(s\)/,
  );

  mkdirSync(made.spec.local!.path);
  await client.delete(persistentVolumeClaims, "data", namespace);
  const held = await world.claim("data");
  t.ok(held.metadata.deletionTimestamp, "Pods use it");
  for (const name of ["first", "second", "third", "elsewhere"]) await client.delete(pods, name, namespace);
  await world.claimGone("data");
  await world.volumeGone(made.metadata.name);
  t.notOk(existsSync(made.spec.local!.path), "its folder is gone");
  t.ok(existsSync(join(storage, "n2")));
});

t.test("with its node a volume is gone", async (t) => {
  const world = await World.open(t);
  const { client } = world;
  await client.create(persistentVolumeClaims, claim("data", "1Gi"));
  await client.create(pods, user("first", "data"));
  const { nodeName = "" } = (await world.running("first")).spec;
  const { metadata } = await world.bound("data");
  world.agents.get(nodeName)?.stop();
  await client.delete(pods, "first", namespace);
  await client.delete(persistentVolumeClaims, "data", namespace);
  await world.claimGone("data");
  const deleted = () => world.volume(metadata.name);
  const left = await eventually("deleted", deleted, (volume) => volume.metadata.deletionTimestamp !== undefined);
  t.match(left.metadata.finalizers, [LOCAL_DATA], "its node has yet to remove the data");
  await client.delete(nodes, nodeName);
  await world.volumeGone(metadata.name);
});

t.test("who cannot have a volume is told why, and has it when there is one", async (t) => {
  const world = await World.open(t);
  const { client } = world;
  const unavailable = (why: string) => new RegExp(`^FailedScheduling: 0/2 nodes are available: ${why}\\.`);
  await client.create(pods, user("missing", "later"));
  await world.said("missing", unavailable('persistentvolumeclaim "later" not found'));
  await client.create(persistentVolumeClaims, claim("later", "1Gi"));
  await world.running("missing");

  await client.create(persistentVolumeClaims, manual("unbound", "1Gi"));
  await client.create(pods, user("immediate", "unbound"));
  await world.said("immediate", unavailable("pod has unbound immediate PersistentVolumeClaims"));
  await client.create(persistentVolumes, volume("came", "1Gi"));
  await world.running("immediate");

  await client.create(persistentVolumeClaims, claim("shared", "1Gi", { accessModes: ["ReadWriteMany"] }));
  await client.create(pods, user("sharer", "shared"));
  await world.said("shared", /^ProvisioningFailed: a folder of one node cannot be ReadWriteMany/);

  await client.create(storageClasses, {
    metadata: { name: "disks" },
    provisioner: "kubernetes.io/no-provisioner",
    volumeBindingMode: "WaitForFirstConsumer",
  });
  await client.create(persistentVolumeClaims, claim("disk", "1Gi", { storageClassName: "disks" }));
  await client.create(pods, user("disk-user", "disk"));
  await world.said("disk-user", unavailable("2 node\\(s\\) didn't find available persistent volumes to bind"));
  const required = {
    nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: ["n1"] }] }],
  };
  const local = {
    hostPath: undefined,
    local: { path: "/disks/1" },
    nodeAffinity: { required },
    storageClassName: "disks",
  };
  await client.create(persistentVolumes, volume("disk-1", "5Gi", local));
  t.equal((await world.running("disk-user")).spec.nodeName, "n1");
  t.equal((await world.bound("disk")).metadata.name, "disk-1");
});

t.test("what is refused", async (t) => {
  const world = await World.open(t);
  const { client } = world;
  const refused = (work: Promise<unknown>, message: RegExp) => t.rejects(work, { message });
  const bad = (spec: object) => client.create(persistentVolumes, volume("bad", "1Gi", spec));
  await refused(bad({ hostPath: undefined }), /spec: Required value: must specify a volume type/);
  await refused(bad({ nfs: { server: "a", path: "/" } }), /may not specify more than 1 volume type/);
  await refused(
    bad({ hostPath: { path: "/a/../b" } }),
    /spec.hostPath.path: Invalid value: "\/a\/..\/b": must not contain '..'/,
  );
  await refused(bad({ capacity: { cpu: "1" } }), /spec.capacity: Unsupported value/);
  await refused(bad({ capacity: { storage: "0" } }), /must be greater than zero/);
  await refused(
    bad({ accessModes: ["ReadWriteOncePod", "ReadOnlyMany"] }),
    /may not use ReadWriteOncePod with other access modes/,
  );
  await refused(bad({ hostPath: undefined, local: { path: "/d" } }), /Local volume requires node affinity/);
  const badClaim = (spec: object) => client.create(persistentVolumeClaims, claim("bad", "1Gi", spec));
  await refused(badClaim({ accessModes: [] }), /at least 1 access mode is required/);
  await refused(badClaim({ resources: {} }), /spec.resources\[storage\]: Required value/);
  await refused(badClaim({ volumeMode: "Tape" }), /spec.volumeMode: Unsupported value: "Tape"/);
  await refused(
    badClaim({ dataSource: { kind: "Snapshot", name: "x" } }),
    /must be 'PersistentVolumeClaim' when referencing the default apiGroup/,
  );

  await client.create(persistentVolumes, volume("good", "1Gi"));
  const other = merge({ spec: { hostPath: { path: "/other" } } });
  await refused(
    client.patch(persistentVolumes, "good", other),
    /spec.persistentvolumesource is immutable after creation/,
  );
  await client.create(persistentVolumeClaims, manual("good", "1Gi"));
  await world.bound("good");
  const change = (spec: object) => client.patch(persistentVolumeClaims, "good", merge({ spec }), { namespace });
  await refused(
    change({ accessModes: ["ReadWriteMany"] }),
    /spec is immutable after creation except resources.requests/,
  );
  await refused(
    change({ resources: { requests: { storage: "2Gi" } } }),
    /only dynamically provisioned pvc can be resized/,
  );
  await refused(change({ resources: { requests: { storage: "1Mi" } } }), /field can not be less than status.capacity/);
});
