/** Claims and volumes: who gets which, where its Pods go, and what becomes of both. Nodes are hollow, folders are not. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import pino from "pino";
import t, { type Test } from "tap";
import { LocalVolumes } from "#agent/storage/local-volumes.js";
import type { PersistentVolume, PersistentVolumeClaim, Pod, StatefulSet } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import {
  events,
  limitRanges,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  resourceQuotas,
  statefulSets,
  storageClasses,
} from "#api/refs.js";
import { LOCAL_DATA, LOCAL_PROVISIONER, LOCAL_STORAGE_PATH } from "#api/storage.js";
import type { Client } from "#client/client.js";
import { systemClock } from "#client/clock.js";
import { eventually, find, startControlPlane } from "#test/fixtures/control-plane.js";
import { named } from "#test/fixtures/two-lives.js";
import { proves } from "#test/proves.js";
import { temporaryDirectory } from "#test/temporary-directory.js";

const namespace = "default";
const merge = (body: object) => ({ type: "application/merge-patch+json", body }) as const;

const volume = (name: string, storage: string, spec: Partial<PersistentVolume["spec"]> = {}, labels = {}) =>
  ({
    metadata: { name, labels },
    spec: {
      accessModes: ["ReadWriteOnce"],
      capacity: { storage },
      hostPath: { path: `/tmp/${name}` },
      storageClassName: "manual",
      ...spec,
    },
  }) satisfies Draft<PersistentVolume>;

const claim = (name: string, storage: string, spec: Partial<PersistentVolumeClaim["spec"]> = {}) =>
  ({
    metadata: { name, namespace },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage } }, ...spec },
  }) satisfies Draft<PersistentVolumeClaim>;
const manual = (name: string, storage: string, spec: Partial<PersistentVolumeClaim["spec"]> = {}) =>
  claim(name, storage, { storageClassName: "manual", ...spec });

const user = (name: string, claimName: string, spec: Partial<Pod["spec"]> = {}): Draft<Pod> => ({
  metadata: { name, namespace },
  spec: {
    containers: [{ name: "main", image: "busybox:1" }],
    volumes: [{ name: "data", persistentVolumeClaim: { claimName } }],
    ...spec,
  },
});

class World {
  readonly agents = new Map<string, LocalVolumes>();

  constructor(
    readonly client: Client,
    readonly storage: string,
  ) {}

  static async open(t: Test): Promise<World> {
    const { client } = await startControlPlane(t);
    const storage = temporaryDirectory("berth-storage-");
    const world = new World(client, storage);
    for (const nodeName of ["n1", "n2"]) {
      const directory = join(storage, nodeName);
      mkdirSync(directory);
      const labels = { "kubernetes.io/hostname": nodeName };
      await client.patch(
        nodes,
        nodeName,
        merge({ metadata: { labels, annotations: { [LOCAL_STORAGE_PATH]: directory } } }),
      );
      const logger = pino({ level: "silent" });
      const local = new LocalVolumes({ client, nodeName, directory, clock: systemClock, logger });
      world.agents.set(nodeName, local);
      t.teardown(() => local.stop());
    }
    await client.create(storageClasses, {
      metadata: { name: "local", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
      provisioner: LOCAL_PROVISIONER,
      volumeBindingMode: "WaitForFirstConsumer",
    });
    return world;
  }

  volume(name: string): Promise<PersistentVolume> {
    return this.client.get(persistentVolumes, name);
  }

  claim(name: string): Promise<PersistentVolumeClaim> {
    return this.client.get(persistentVolumeClaims, name, namespace);
  }

  /** Resolves with the volume that the claim has. */
  async bound(name: string): Promise<PersistentVolume> {
    const found = await eventually(
      `${name} bound`,
      () => this.claim(name),
      ({ status }) => status?.phase === "Bound",
    );
    return this.volume(found.spec.volumeName!);
  }

  phase(name: string, phase: string): Promise<PersistentVolume> {
    return eventually(
      `${name} ${phase}`,
      () => this.volume(name),
      ({ status }) => status?.phase === phase,
    );
  }

  async said(about: string, pattern: RegExp): Promise<string> {
    const read = async () => {
      const query = { namespace, fieldSelector: `involvedObject.name=${about}` };
      return (await this.client.list(events, query)).items.map(({ reason, message }) => `${reason}: ${message}`);
    };
    const all = await eventually(`${about}: ${pattern}`, read, (lines) => lines.some((line) => pattern.test(line)));
    return all.find((line) => pattern.test(line)) ?? "";
  }

  async running(name: string): Promise<Pod> {
    const read = () => find(this.client, pods, name, namespace);
    const up = await eventually(`${name} runs`, read, (pod) => pod?.status?.phase === "Running");
    return up as Pod;
  }

  claimGone(name: string) {
    return eventually(
      `${name} gone`,
      () => find(this.client, persistentVolumeClaims, name, namespace),
      (it) => !it,
    );
  }

  volumeGone(name: string) {
    return eventually(
      `${name} gone`,
      () => find(this.client, persistentVolumes, name),
      (it) => !it,
    );
  }
}

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
  const wanted = { persistentvolumeclaims: "2", "requests.storage": "5Gi", [ofClass("requests.storage")]: "2Gi" };
  await eventually(
    "the quota's status",
    () => client.get(resourceQuotas, "quota", namespace),
    ({ status }) => Object.entries(wanted).every(([name, amount]) => status?.used?.[name] === amount),
  );
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
