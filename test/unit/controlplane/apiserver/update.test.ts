import t from "tap";
import { ResourceApi } from "#test/fixtures/resource-api.js";

const inDefault = { namespace: "default" };

const deployment = (replicas: number) => ({
  metadata: { name: "web" },
  spec: {
    replicas,
    selector: { matchLabels: { app: "web" } },
    template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image: "nginx" }] } },
  },
});

t.test("an update is optimistic when it names a version or uid, and else unconditional", async (t) => {
  const api = await ResourceApi.open(t);
  const one = await api.ok("create", "configmaps", {
    ...inDefault,
    body: { metadata: { name: "a" }, data: { v: "1" } },
  });
  const put = (body: object) => api.call("update", "configmaps", { ...inDefault, name: "a", body });
  const two = await put({ ...one, data: { v: "2" } });
  t.match(two, { status: 200, body: { data: { v: "2" } } });
  t.equal(two.body.metadata.uid, one.metadata.uid);
  t.equal(two.body.metadata.creationTimestamp, one.metadata.creationTimestamp);
  const stale = await put({ ...one, data: { v: "3" } });
  t.match(stale, { status: 409, body: { reason: "Conflict", details: { name: "a", kind: "configmaps" } } });
  t.equal(
    stale.body.message,
    'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
  );
  t.match((await put({ metadata: { name: "a" }, data: { v: "4" } })).body, {
    data: { v: "4" },
    metadata: { uid: one.metadata.uid },
  });
  const uid = await put({ metadata: { name: "a", uid: "other" } });
  t.match(uid, {
    status: 409,
    body: { message: /Precondition failed: UID in precondition: other, UID in object meta: / },
  });
  const wrong = await put({ metadata: { name: "b" } });
  t.match(wrong, {
    status: 400,
    body: { message: "the name of the object (b) does not match the name on the URL (a)" },
  });
  t.equal(
    (await api.call("update", "configmaps", { ...inDefault, name: "x", body: { metadata: { name: "x" } } })).status,
    404,
  );
  const dead = await put({ metadata: { name: "a", deletionTimestamp: "2020-01-01T00:00:00Z" } });
  t.match(dead, { status: 422, body: { details: { causes: [{ field: "metadata.deletionTimestamp" }] } } });
});

t.test("of many unconditional updates all succeed; of many on one version one does", async (t) => {
  const api = await ResourceApi.open(t);
  const made = await api.ok("create", "configmaps", { ...inDefault, body: { metadata: { name: "a" } } });
  const put = (v: number, metadata: object) =>
    api.call("update", "configmaps", { ...inDefault, name: "a", body: { metadata, data: { v: String(v) } } });
  const pinned = await Promise.all(Array.from({ length: 10 }, (_, i) => put(i, made.metadata)));
  t.equal(pinned.filter((answer) => answer.status === 200).length, 1);
  t.equal(pinned.filter((answer) => answer.status === 409).length, 9);
  const free = await Promise.all(Array.from({ length: 20 }, (_, i) => put(100 + i, { name: "a" })));
  t.ok(free.every((answer) => answer.status === 200));
});

t.test("an update that changes nothing is not written", async (t) => {
  const api = await ResourceApi.open(t);
  const made = await api.ok("create", "configmaps", {
    ...inDefault,
    body: { metadata: { name: "a" }, data: { x: "1", y: "2" } },
  });
  const revision = await api.backend.currentRevision();
  const { metadata } = made;
  const same = await api.ok("update", "configmaps", {
    ...inDefault,
    name: "a",
    body: { data: { y: "2", x: "1" }, metadata },
  });
  t.equal(same.metadata.resourceVersion, metadata.resourceVersion, "whatever the order of the keys");
  t.equal(await api.backend.currentRevision(), revision);
});

t.test("status and content change apart, and only content raises the generation", async (t) => {
  const api = await ResourceApi.open(t);
  const made = await api.ok("create", "deployments", { ...inDefault, body: deployment(1) });
  t.equal(made.metadata.generation, 1);
  const target = { ...inDefault, name: "web" };
  const more = { ...deployment(2), status: { replicas: 9 } };
  const updated = await api.ok("update", "deployments", { ...target, body: more });
  t.match(updated, { metadata: { generation: 2 }, spec: { replicas: 2 } });
  t.equal(updated.status.replicas, undefined, "the main resource does not change status");
  const status = { apiVersion: "apps/v1", kind: "Deployment", ...deployment(5), status: { replicas: 3 } };
  const reported = await api.ok("update", "deployments", { ...target, subresource: "status", body: status });
  t.match(reported, { metadata: { generation: 2 }, spec: { replicas: 2 }, status: { replicas: 3 } });
  t.match(await api.ok("get", "deployments", { ...target, subresource: "status" }), { status: { replicas: 3 } });
  const dry = await api.ok("update", "deployments", { ...target, body: deployment(7), query: "dryRun=All" });
  t.equal(dry.spec.replicas, 7);
  t.equal((await api.ok("get", "deployments", target)).spec.replicas, 2);
  const none = await api.call("update", "configmaps", { ...target, subresource: "status", body: status });
  t.equal(none.status, 404);
});

t.test("scale is read and written as autoscaling/v1", async (t) => {
  const api = await ResourceApi.open(t);
  await api.ok("create", "deployments", { ...inDefault, body: deployment(1) });
  const target = { ...inDefault, name: "web", subresource: "scale" };
  const scale = await api.ok("get", "deployments", target);
  t.match(scale, {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    spec: { replicas: 1 },
    status: { selector: "app=web" },
  });
  const scaled = await api.ok("update", "deployments", { ...target, body: { ...scale, spec: { replicas: 4 } } });
  t.equal(scaled.spec.replicas, 4);
  t.match(await api.ok("get", "deployments", { ...inDefault, name: "web" }), {
    spec: { replicas: 4 },
    metadata: { generation: 2 },
  });
  const stale = await api.call("update", "deployments", { ...target, body: scale });
  t.equal(stale.status, 409);
  const negative = await api.call("update", "deployments", { ...target, body: { ...scaled, spec: { replicas: -1 } } });
  t.match(negative, { status: 422, body: { details: { causes: [{ field: "spec.replicas" }] } } });
});

t.test("binding sets the node once; the token and finalize actions keep their rules", async (t) => {
  const api = await ResourceApi.open(t);
  const pod = { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "nginx" }] } };
  await api.ok("create", "pods", { ...inDefault, body: pod });
  const binding = { apiVersion: "v1", kind: "Binding", metadata: { name: "p" }, target: { kind: "Node", name: "n1" } };
  const bind = { ...inDefault, name: "p", subresource: "binding", body: binding };
  const bound = await api.call("create", "pods", bind);
  t.match(bound, { status: 201, body: { kind: "Status", status: "Success" } });
  t.match(await api.ok("get", "pods", { ...inDefault, name: "p" }), {
    spec: { nodeName: "n1" },
    status: { conditions: [{ type: "PodScheduled", status: "True" }] },
  });
  t.equal((await api.call("create", "pods", bind)).status, 409);
  t.equal((await api.call("update", "pods", bind)).status, 405);
  t.equal((await api.call("create", "pods", { ...bind, subresource: "nothing" })).status, 404);
  const listed = await api.ok("list", "pods", { query: "fieldSelector=spec.nodeName%3Dn1" });
  t.equal(listed.items.length, 1);
});
