/** What a Pod gets of a claim's volume on this node, and what it is told when it gets nothing. */
import { lstatSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { claimNamed, openClaim } from "#agent/volumes/claims.js";
import type { VolumeContext } from "#agent/volumes/plugin.js";
import { ephemeral } from "#agent/volumes/plugins/ephemeral.js";
import { persistentVolumeClaim } from "#agent/volumes/plugins/persistent-volume-claim.js";
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec } from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import { BIND_COMPLETED } from "#api/storage.js";
import { podOf } from "#test/fixtures/pod-objects.js";
import { temporaryDirectory } from "#test/temporary-directory.js";

const localStorage = temporaryDirectory("berth-storage-");

function claim(name: string, metadata: object = {}, volumeName = `pv-${name}`): PersistentVolumeClaim {
  const annotations = volumeName ? { [BIND_COMPLETED]: "yes" } : {};
  const all = { name, namespace: "default", uid: `uid-${name}`, annotations, ...metadata };
  return { metadata: all as PersistentVolumeClaim["metadata"], spec: { volumeName } };
}

function volume(claimName: string, spec: Partial<PersistentVolumeSpec>): PersistentVolume {
  const metadata = { name: `pv-${claimName}` } as PersistentVolume["metadata"];
  return { metadata, spec: { claimRef: { uid: `uid-${claimName}` }, ...spec } };
}

function contextOf(...objects: KubeObject[]): VolumeContext {
  const get = async (_ref: unknown, name: string) => objects.find(({ metadata }) => metadata.name === name);
  return { pod: podOf(), localStorage, get } as unknown as VolumeContext;
}

const open = (name: string, ...objects: KubeObject[]) => {
  const context = contextOf(...objects);
  return claimNamed(name, context).then((found) => openClaim(found, context));
};

t.test("folders of the node", async (t) => {
  const path = join(localStorage, "pvc-1_default_data");
  const made = await open("data", claim("data"), volume("data", { local: { path } }));
  t.same(made, { path });
  t.equal(lstatSync(path).mode & 0o7777, 0o777, "any user may write");
  writeFileSync(join(path, "x"), "1");
  await open("data", claim("data"), volume("data", { local: { path } }));
  t.ok(lstatSync(join(path, "x")), "what is stored stays");
  const hostPath = { path: join(localStorage, "host"), type: "DirectoryOrCreate" };
  t.same(await open("host", claim("host"), volume("host", { hostPath })), { path: hostPath.path });
  const disk = temporaryDirectory("berth-disk-");
  t.same(await open("disk", claim("disk"), volume("disk", { local: { path: disk } })), { path: disk });
});

t.test("why there is none", async (t) => {
  const refused = (work: Promise<unknown>, message: RegExp) => t.rejects(work, { message });
  const local = { path: join(localStorage, "deeper/pvc-2") };
  await refused(open("none"), /persistentvolumeclaim "none" not found/);
  await refused(
    open("going", claim("going", { deletionTimestamp: "2026-01-01T00:00:00Z" })),
    /"going" is being deleted/,
  );
  await refused(open("free", claim("free", {}, "")), /"free" is not bound/);
  await refused(open("lost", claim("lost")), /persistentvolume "pv-lost" is not there/);
  const foreign = { ...volume("other", { local }), metadata: { name: "pv-data" } as PersistentVolume["metadata"] };
  await refused(open("data", claim("data"), foreign), /persistentvolume "pv-data" is not there for/);
  await refused(open("data", claim("data"), volume("data", { local })), /is no directory of this node/);
  await refused(open("data", claim("data"), volume("data", { local, volumeMode: "Block" })), /mode Block/);
  const csi = { driver: "a", volumeHandle: "b" };
  await refused(open("data", claim("data"), volume("data", { csi })), /not supported on this node: csi/);
});

t.test("by a Pod's volumes", async (t) => {
  mkdirSync(join(localStorage, "pvc-3"));
  const spec = { local: { path: join(localStorage, "pvc-3") } };
  const source = { name: "v", persistentVolumeClaim: { claimName: "data", readOnly: true } };
  const context = contextOf(claim("data"), volume("data", spec));
  t.match(await persistentVolumeClaim.setUp(source, context), { path: spec.local.path, readOnly: true });

  const own = (uid: string) => ({ ownerReferences: [{ kind: "Pod", name: "web", uid, controller: true }] });
  const forPod = (uid: string) => contextOf(claim("web-v", own(uid)), volume("web-v", spec));
  t.match(await ephemeral.setUp({ name: "v" }, forPod("uid-1")), { path: spec.local.path });
  await t.rejects(ephemeral.setUp({ name: "v" }, forPod("another")), { message: /was not created for this pod/ });
});
