import t from "tap";
import { ResourceApi } from "#test/fixtures/resource-api.js";

const inDefault = { namespace: "default" };
const a = { ...inDefault, name: "a" };

async function withConfigMap(t: Parameters<typeof ResourceApi.open>[0], metadata: object = {}): Promise<ResourceApi> {
  const api = await ResourceApi.open(t, { now: () => Date.parse("2026-01-01T00:00:00Z") });
  await api.ok("create", "configmaps", { ...inDefault, body: { metadata: { name: "a", ...metadata } } });
  return api;
}

t.test("delete removes and answers with a Success Status", async (t) => {
  const api = await withConfigMap(t);
  const dry = await api.ok("delete", "configmaps", { ...a, query: "dryRun=All" });
  t.equal(dry.status, "Success");
  const { metadata } = await api.ok("get", "configmaps", a);
  const answer = await api.ok("delete", "configmaps", a);
  t.same(answer, {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name: "a", kind: "configmaps", uid: metadata.uid },
  });
  t.match(await api.call("delete", "configmaps", a), { status: 404, body: { message: 'configmaps "a" not found' } });
});

t.test("preconditions must hold", async (t) => {
  const api = await withConfigMap(t);
  const { metadata } = await api.ok("get", "configmaps", a);
  const remove = (preconditions: object) => api.call("delete", "configmaps", { ...a, body: { preconditions } });
  t.match(await remove({ uid: "other" }), { status: 409, body: { message: /UID in precondition: other/ } });
  t.match(await remove({ resourceVersion: "1" }), {
    status: 409,
    body: { message: /ResourceVersion in precondition: 1/ },
  });
  const { uid, resourceVersion } = metadata;
  t.equal((await remove({ uid, resourceVersion })).status, 200);
});

t.test("finalizers hold an object until an update takes the last one off", async (t) => {
  const api = await withConfigMap(t, { finalizers: ["example.com/one", "example.com/two"] });
  const held = await api.ok("delete", "configmaps", a);
  t.match(held, {
    kind: "ConfigMap",
    metadata: { deletionTimestamp: "2026-01-01T00:00:00Z", deletionGracePeriodSeconds: 0 },
  });
  const put = (finalizers: string[]) =>
    api.call("update", "configmaps", { ...a, body: { metadata: { name: "a", finalizers } } });
  const added = await put(["example.com/one", "example.com/two", "example.com/three"]);
  t.match(added, { status: 422, body: { message: /no new finalizers can be added if the object is being deleted/ } });
  const again = await api.call("create", "configmaps", { ...inDefault, body: { metadata: { name: "a" } } });
  t.match(again, { status: 409, body: { message: 'object is being deleted: configmaps "a" already exists' } });
  t.match(await put(["example.com/two"]), { status: 200, body: { metadata: { finalizers: ["example.com/two"] } } });
  t.equal((await put([])).status, 200);
  t.equal((await api.call("get", "configmaps", a)).status, 404);
});

t.test("propagation policies become finalizers", async (t) => {
  const api = await withConfigMap(t);
  const orphaned = await api.ok("delete", "configmaps", { ...a, body: { propagationPolicy: "Orphan" } });
  t.same(orphaned.metadata.finalizers, ["orphan"]);
  const foreground = await api.ok("delete", "configmaps", { ...a, query: "propagationPolicy=Foreground" });
  t.same(foreground.metadata.finalizers, ["foregroundDeletion"]);
  const wrong = await api.call("delete", "configmaps", { ...a, body: { propagationPolicy: "Sideways" } });
  t.match(wrong, { status: 422, body: { details: { kind: "DeleteOptions" } } });
  t.equal(
    (await api.ok("delete", "configmaps", { ...a, body: { propagationPolicy: "Background" } })).status,
    "Success",
  );
});

t.test("a bound pod stays for its grace period, which a second delete can shorten", async (t) => {
  const api = await ResourceApi.open(t, { now: () => Date.parse("2026-01-01T00:00:00Z") });
  const spec = { nodeName: "n1", containers: [{ name: "c", image: "nginx" }], terminationGracePeriodSeconds: 30 };
  await api.ok("create", "pods", { ...inDefault, body: { metadata: { name: "a" }, spec } });
  const marked = await api.ok("delete", "pods", a);
  t.match(marked.metadata, { deletionTimestamp: "2026-01-01T00:00:30Z", deletionGracePeriodSeconds: 30 });
  const longer = await api.ok("delete", "pods", { ...a, body: { gracePeriodSeconds: 60 } });
  t.equal(longer.metadata.resourceVersion, marked.metadata.resourceVersion);
  const shorter = await api.ok("delete", "pods", { ...a, query: "gracePeriodSeconds=10" });
  t.match(shorter.metadata, { deletionTimestamp: "2026-01-01T00:00:10Z", deletionGracePeriodSeconds: 10 });
  t.equal((await api.ok("delete", "pods", { ...a, body: { gracePeriodSeconds: 0 } })).status, "Success");
  await api.ok("create", "pods", {
    ...inDefault,
    body: { metadata: { name: "b" }, spec: { ...spec, nodeName: undefined } },
  });
  t.equal((await api.ok("delete", "pods", { ...inDefault, name: "b" })).status, "Success", "no agent holds it");
});

t.test("a namespace terminates until finalize empties its list", async (t) => {
  const api = await ResourceApi.open(t);
  const held = await api.ok("delete", "namespaces", { name: "other" });
  t.match(held, { status: { phase: "Terminating" }, metadata: { deletionTimestamp: /Z$/ } });
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name: "other" }, spec: { finalizers: [] } };
  await api.ok("update", "namespaces", { name: "other", subresource: "finalize", body });
  t.equal((await api.call("get", "namespaces", { name: "other" })).status, 404);
});

t.test("deletecollection deletes the selected", async (t) => {
  const api = await ResourceApi.open(t);
  for (const name of ["a", "b", "c"]) {
    const labels = { keep: name === "b" ? "yes" : "no" };
    await api.ok("create", "configmaps", { ...inDefault, body: { metadata: { name, labels } } });
  }
  const list = await api.ok("deletecollection", "configmaps", { ...inDefault, query: "labelSelector=keep%3Dno" });
  t.match(list, { kind: "ConfigMapList", items: [{ metadata: { name: "a" } }, { metadata: { name: "c" } }] });
  t.equal((await api.ok("list", "configmaps", inDefault)).items.length, 1);
});
