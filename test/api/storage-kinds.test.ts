/** The kinds of storage.k8s.io, as upstream's tests of them go through them: classes, drivers, nodes, attachments, capacities. */
import t, { type Test } from "tap";
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  Node,
  Pod,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from "#api/generated/types.js";
import type { Draft, WatchEvent } from "#api/object.js";
import {
  csiDrivers,
  csiNodes,
  csiStorageCapacities,
  nodes,
  pods,
  storageClasses,
  volumeAttachments,
  volumeAttributesClasses,
} from "#api/refs.js";
import { eventually, TestServer } from "#test/fixtures/api-server.js";
import { find } from "#test/fixtures/control-plane.js";
import { discovered, everyDelete, everyVerb, labels, merge } from "#test/fixtures/every-verb.js";
import { alreadyExists, marked, named, twoLives } from "#test/fixtures/two-lives.js";
import { proves } from "#test/proves.js";

const api = await TestServer.start(t);
const client = api.rest();
const refused = (text: string) => ({ code: 422, message: new RegExp(text) });

t.test("StorageClasses", async (t) => {
  proves(
    t,
    "[sig-storage] StorageClasses CSI Conformance should run through the lifecycle of a StorageClass [Conformance]",
  );
  await discovered(t, api, storageClasses);
  const draft = (): Draft<StorageClass> => ({
    metadata: { generateName: "e2e-", labels },
    provisioner: "e2e-fake-provisioner",
  });
  await twoLives(t, client, storageClasses, draft);
  const made = await everyVerb(t, client, storageClasses, [draft(), draft(), draft()]);
  t.match(made, { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" });
  const { name } = made.metadata;
  t.equal((await client.update(storageClasses, { ...made, allowVolumeExpansion: true })).allowVolumeExpansion, true);
  for (const change of [{ provisioner: "other" }, { parameters: { a: "b" } }, { reclaimPolicy: "Retain" }]) {
    const [field] = Object.keys(change);
    const why = `${field}: Forbidden: updates to ${field} are forbidden\\.`;
    await t.rejects(client.patch(storageClasses, name, merge(change)), refused(why));
  }
  await t.rejects(
    client.patch(storageClasses, name, merge({ volumeBindingMode: "WaitForFirstConsumer" })),
    refused("volumeBindingMode: .*field is immutable"),
  );
  await t.rejects(client.create(storageClasses, { ...draft(), provisioner: "" }), refused("provisioner: Required"));
  await everyDelete(t, client, storageClasses, name);
});

t.test("VolumeAttributesClasses", async (t) => {
  proves(
    t,
    "[sig-storage] VolumeAttributesClass [FeatureGate:VolumeAttributesClass] should run through the lifecycle of a VolumeAttributesClass [Conformance]",
  );
  await discovered(t, api, volumeAttributesClasses);
  const draft = (): Draft<VolumeAttributesClass> => ({
    metadata: { generateName: "e2e-", labels },
    driverName: "e2e-fake-csi-driver",
    parameters: { foo: "bar" },
  });
  await twoLives(t, client, volumeAttributesClasses, draft);
  const made = await everyVerb(t, client, volumeAttributesClasses, [draft(), draft(), draft()]);
  t.match(made, { driverName: "e2e-fake-csi-driver", parameters: { foo: "bar" } });
  await t.rejects(
    client.patch(volumeAttributesClasses, made.metadata.name, merge({ parameters: { foo: "baz" } })),
    refused("parameters: Forbidden: updates to parameters are forbidden\\."),
  );
  await everyDelete(t, client, volumeAttributesClasses, made.metadata.name);
});

t.test("CSIDrivers", async (t) => {
  proves(t, "[sig-storage] CSIInlineVolumes should run through the lifecycle of a CSIDriver [Conformance]");
  await discovered(t, api, csiDrivers);
  const draft = (...volumeLifecycleModes: string[]): Draft<CSIDriver> => ({
    metadata: { generateName: "inline-driver-", labels },
    spec: { volumeLifecycleModes, fsGroupPolicy: "ReadWriteOnceWithFSType" },
  });
  await twoLives(t, client, csiDrivers, () => draft("Ephemeral"));
  await twoLives(t, client, csiDrivers, () => draft("Persistent", "Ephemeral"));
  const made = await everyVerb(t, client, csiDrivers, [draft("Ephemeral"), draft("Persistent", "Ephemeral"), draft()]);
  t.match(made, {
    metadata: { generation: 1 },
    spec: {
      ...{ attachRequired: true, podInfoOnMount: false, storageCapacity: false, requiresRepublish: false },
      ...{ seLinuxMount: false, fsGroupPolicy: "ReadWriteOnceWithFSType", volumeLifecycleModes: ["Ephemeral"] },
    },
  });
  const { name } = made.metadata;
  const change = { spec: { podInfoOnMount: true, fsGroupPolicy: "File", tokenRequests: [{ audience: "" }] } };
  t.match(await client.patch(csiDrivers, name, merge(change)), { ...change, metadata: { generation: 2 } });
  await t.rejects(client.patch(csiDrivers, name, merge({ spec: { attachRequired: false } })), refused("immutable"));
  await t.rejects(
    client.patch(csiDrivers, name, merge({ spec: { volumeLifecycleModes: ["Persistent"] } })),
    refused("spec\\.volumeLifecycleModes: .*field is immutable"),
  );
  await everyDelete(t, client, csiDrivers, name);
});

t.test("a Pod may have volumes of a CSI driver", async (t) => {
  proves(t, "[sig-storage] CSIInlineVolumes should support CSIVolumeSource in Pod API [Conformance]");
  const namespace = "inline";
  await api.call("POST", "/api/v1/namespaces", { body: { metadata: { name: namespace } } });
  const name = "pod-csi-inline-volumes";
  const driver = "e2e.example.com";
  const volumes = [
    { name: "csi-inline-vol1", csi: { driver } },
    { name: "csi-inline-vol2", csi: { driver, fsType: "ext4", readOnly: true } },
  ];
  const volumeMounts = volumes.map((volume, i) => ({ name: volume.name, mountPath: `/mnt/vol${i + 1}` }));
  const containers = [{ name, image: "busybox", command: ["sh", "-c", "ls /mnt/*"], volumeMounts }];
  const draft: Draft<Pod> = { metadata: { name, namespace }, spec: { volumes, containers } };
  const made = await client.create(pods, draft);
  await t.rejects(client.create(pods, draft), alreadyExists);
  const got = await client.get(pods, name, namespace);
  t.equal(got.metadata.uid, made.metadata.uid);
  t.same(got.spec.volumes?.slice(0, 2), volumes);
  t.equal((await client.list(pods, { namespace })).items.length, 1);
  const body = { metadata: { annotations: { patched: "true" } } };
  t.match(await client.patch(pods, name, merge(body), { namespace }), body);
  await client.delete(pods, name, namespace);
  const left = await find(client, pods, name, namespace);
  t.ok(!left || left.metadata.deletionTimestamp, "gone, or about to go");
  const bad = [{ name: "csi-inline-vol1", csi: { driver: "not a name" } }];
  const other = {
    metadata: { name: "bad", namespace },
    spec: { volumes: bad, containers: [{ name, image: "busybox" }] },
  };
  await t.rejects(client.create(pods, other), refused("spec\\.volumes\\[0\\]\\.csi\\.driver: Invalid value"));
});

t.test("CSINodes", async (t) => {
  proves(t, "[sig-storage] CSINodes CSI Conformance should run through the lifecycle of a csinode [Conformance]");
  await discovered(t, api, csiNodes);
  const path = "/apis/storage.k8s.io/v1/csinodes";
  // As Go's client writes a list that nobody has filled, and as people leave it out.
  for (const spec of [{ spec: { drivers: null } }, {}]) {
    const body = { metadata: { name: "bare" }, ...spec };
    t.equal((await api.call("POST", path, { body })).status, 201);
    await client.delete(csiNodes, "bare");
  }
  const drivers = [{ name: "a.example.com", nodeID: "1", topologyKeys: ["zone"], allocatable: { count: 3 } }];
  const draft = (): Draft<CSINode> => ({ metadata: { generateName: "e2e-csinode-", labels }, spec: { drivers: [] } });
  await twoLives(t, client, csiNodes, draft);
  const made = await everyVerb(t, client, csiNodes, [draft(), draft(), draft()]);
  const filled = await client.update(csiNodes, { ...made, spec: { drivers } });
  t.same(filled.spec, { drivers });
  const change = (driver: object) => ({ ...filled, spec: { drivers: [{ ...drivers[0]!, ...driver }] } });
  await t.rejects(client.update(csiNodes, change({ nodeID: "2" })), refused("spec\\.drivers: .*field is immutable"));
  t.match(await client.update(csiNodes, change({ allocatable: { count: 4 } })), {
    spec: { drivers: [{ nodeID: "1", allocatable: { count: 4 } }] },
  });
  await everyDelete(t, client, csiNodes, made.metadata.name);
});

t.test("CSIStorageCapacities", async (t) => {
  proves(t, "[sig-storage] CSIStorageCapacity should support CSIStorageCapacities API operations [Conformance]");
  await discovered(t, api, csiStorageCapacities);
  const namespace = "default";
  const draft = (name: string): Draft<CSIStorageCapacity> => ({
    metadata: { name, namespace, labels },
    storageClassName: "e2e.example.com",
  });
  const events: WatchEvent<CSIStorageCapacity>[][] = [[], []];
  const { resourceVersion = "" } = (await client.list(csiStorageCapacities)).metadata;
  for (const [i, where] of [{ namespace }, {}].entries()) {
    const query = { ...where, labelSelector: "special-label=ours", resourceVersion };
    const watch = client.watch(csiStorageCapacities, query, {
      onEvents: (batch) => events[i]!.push(...batch),
      onEnd: (error) => t.error(error),
    });
    t.teardown(() => watch.close());
  }
  const drafts = ["csc1", "csc2", "csc3"].map(draft);
  const made = await everyVerb(t, client, csiStorageCapacities, drafts, namespace);
  const { name } = made.metadata;
  await t.rejects(client.create(csiStorageCapacities, draft(name)), alreadyExists);
  const sized = await client.update(csiStorageCapacities, { ...made, capacity: "1024Mi" });
  t.equal(sized.capacity, "1Gi");
  await t.rejects(
    client.update(csiStorageCapacities, { ...sized, storageClassName: "other" }),
    refused("storageClassName: .*field is immutable"),
  );
  await t.rejects(
    client.update(csiStorageCapacities, { ...sized, nodeTopology: { matchLabels: { zone: "a" } } }),
    refused("nodeTopology: .*field is immutable"),
  );
  await everyDelete(t, client, csiStorageCapacities, name, namespace);
  const count = (seen: WatchEvent<CSIStorageCapacity>[], type: string) => seen.filter((e) => e.type === type).length;
  for (const seen of events) {
    await eventually(() => count(seen, "DELETED") === 3 || undefined, "all three are seen to go");
    t.equal(count(seen, "ADDED"), 3);
    t.ok(seen.some(({ type, object }) => type === "MODIFIED" && object.metadata.annotations?.["patched"]));
  }
});

const attachment = (name: string, nodeName: string, more: object = {}): Draft<VolumeAttachment> => ({
  metadata: { name: `va-${name}`, ...more },
  spec: { attacher: "e2e-test.storage.k8s.io", nodeName, source: { persistentVolumeName: `pv-${name}` } },
  status: { attached: false },
});

async function someNode(t: Test): Promise<string> {
  const node = await client.create(nodes, { metadata: { generateName: "e2e-node-" }, spec: {} } as Draft<Node>);
  t.teardown(() => client.delete(nodes, node.metadata.name));
  return node.metadata.name;
}

t.test("VolumeAttachments", async (t) => {
  proves(
    t,
    "[sig-storage] VolumeAttachment Conformance should run through the lifecycle of a VolumeAttachment [Conformance]",
  );
  await discovered(t, api, volumeAttachments);
  const node = await someNode(t);
  const first = await client.create(volumeAttachments, attachment("e2e-1", node));
  const { name } = first.metadata;
  t.equal(name, "va-e2e-1");
  t.match(await client.get(volumeAttachments, name), { metadata: { name }, spec: first.spec });
  const patched = await client.patch(volumeAttachments, name, merge(marked(name, "patched")));
  t.equal(patched.metadata.labels?.[name], "patched");
  t.same(await named(client, volumeAttachments, `${name}=patched`), [name]);
  await client.delete(volumeAttachments, name);
  t.same(await named(client, volumeAttachments, `${name}=patched`), []);
  for (const each of ["e2e-2", "e2e-3"]) {
    const made = await client.create(volumeAttachments, attachment(each, node));
    const metadata = { ...made.metadata, labels: { "va-e2e": "updated" } };
    const updated = await client.update(volumeAttachments, { ...made, metadata });
    t.equal(updated.metadata.labels?.["va-e2e"], "updated");
  }
  t.same(await named(client, volumeAttachments, "va-e2e=updated"), ["va-e2e-2", "va-e2e-3"]);
  await client.deleteCollection(volumeAttachments, { labelSelector: "va-e2e=updated" });
  t.same(await named(client, volumeAttachments, "va-e2e=updated"), []);
  const made = await everyVerb(
    t,
    client,
    volumeAttachments,
    ["e2e-4", "e2e-5", "e2e-6"].map((each) => attachment(each, node, { labels })),
  );
  await t.rejects(
    client.update(volumeAttachments, { ...made, spec: { ...made.spec, nodeName: "other" } }),
    refused("spec: .*field is immutable"),
  );
  await everyDelete(t, client, volumeAttachments, made.metadata.name);
});

t.test("the status of a VolumeAttachment", async (t) => {
  proves(
    t,
    "[sig-storage] VolumeAttachment Conformance should apply changes to a volumeattachment status [Conformance]",
  );
  const draft = { ...attachment("e2e-s", await someNode(t)), status: { attached: true } };
  const { metadata, status } = await client.create(volumeAttachments, draft);
  const { name } = metadata;
  t.equal(name, "va-e2e-s");
  t.same(status, { attached: false }, "a status is not what its creator says");
  const patched = await client.patch(volumeAttachments, name, merge(marked(name, "patched")));
  t.equal(patched.metadata.labels?.[name], "patched");
  const path = `/apis/storage.k8s.io/v1/volumeattachments/${name}/status`;
  t.match(await api.call("GET", path), { status: 200, json: { metadata: { name }, status: { attached: false } } });
  const attached = { status: { attached: true } };
  await client.patch(volumeAttachments, name, merge(attached));
  t.same((await client.get(volumeAttachments, name)).status, { attached: false }, "nor what its spec's owner says");
  const set = await client.patch(volumeAttachments, name, merge(attached), { subresource: "status" });
  t.same(set.status, { attached: true });
  const cleared = { ...(await client.get(volumeAttachments, name)), status: { attached: false } };
  t.same((await client.update(volumeAttachments, cleared, { subresource: "status" })).status, { attached: false });
  const long = { status: { attachError: { message: "x".repeat(1025) } } };
  await t.rejects(
    client.patch(volumeAttachments, name, merge(long), { subresource: "status" }),
    refused("status\\.attachError\\.message: Too long"),
  );
  await client.delete(volumeAttachments, name);
  t.same(await named(client, volumeAttachments, `${name}=patched`), []);
});

for (const version of ["v32", "v35"] as const)
  t.test(`kubectl, version ${version}, shows which class is the default`, async (t) => {
    const run = async (args: string[], input?: string) => {
      const { code, stdout, stderr } = await api.kubectl(version, args, input);
      t.equal(code, 0, stderr);
      return stdout;
    };
    const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
    const metadata = { name: "standard", annotations };
    const made = { apiVersion: "storage.k8s.io/v1", kind: "StorageClass", metadata, provisioner: "example.com/disk" };
    await run(["apply", "-f", "-"], JSON.stringify(made));
    const table = await run(["get", "sc"]);
    t.match(table, /^NAME +PROVISIONER +RECLAIMPOLICY +VOLUMEBINDINGMODE +ALLOWVOLUMEEXPANSION +AGE\n/);
    t.match(table, /\nstandard \(default\) +example\.com\/disk +Delete +Immediate +false +\d+s\n/);
    t.equal(await run(["get", "sc", "standard", "-o", "name"]), "storageclass.storage.k8s.io/standard\n");
    t.match(await run(["describe", "sc", "standard"]), /IsDefaultClass: +Yes/);
    await run(["delete", "sc", "standard"]);
  });
