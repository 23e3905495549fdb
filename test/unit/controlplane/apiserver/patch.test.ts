import t from "tap";
import { ResourceApi } from "#test/fixtures/resource-api.js";

const inDefault = { namespace: "default" };
const MERGE = "application/merge-patch+json";
const JSON_PATCH = "application/json-patch+json";
const STRATEGIC = "application/strategic-merge-patch+json";

const deployment = {
  metadata: { name: "web" },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: { containers: [{ name: "c", image: "nginx", env: [{ name: "A", value: "1" }] }] },
    },
  },
};

async function open(t: Parameters<typeof ResourceApi.open>[0]) {
  const api = await ResourceApi.open(t);
  await api.ok("create", "configmaps", { ...inDefault, body: { metadata: { name: "a" }, data: { x: "1", y: "2" } } });
  await api.ok("create", "deployments", { ...inDefault, body: deployment });
  const patch = (contentType: string, body: object, more: object = {}) =>
    api.call("patch", "configmaps", { ...inDefault, name: "a", contentType, body, ...more });
  return { api, patch };
}

t.test("merge, JSON and strategic patches change what they name", async (t) => {
  const { api, patch } = await open(t);
  t.same((await patch(MERGE, { data: { x: null, z: "3" } })).body.data, { y: "2", z: "3" });
  const operations = [
    { op: "test", path: "/data/y", value: "2" },
    { op: "replace", path: "/data/y", value: "4" },
  ];
  t.same((await patch(JSON_PATCH, operations)).body.data, { y: "4", z: "3" });
  t.match(await patch(JSON_PATCH, [{ op: "test", path: "/data/y", value: "9" }]), { status: 422 });
  const containers = [{ name: "c", env: [{ name: "B", value: "2" }] }];
  const body = { spec: { template: { spec: { containers } } } };
  const merged = await api.ok("patch", "deployments", { ...inDefault, name: "web", contentType: STRATEGIC, body });
  t.match(merged.spec.template.spec.containers, [{ image: "nginx", env: { length: 2 } }]);
  t.equal(merged.metadata.generation, 2);
});

t.test("a patch on a version is optimistic, one without is applied again when others were faster", async (t) => {
  const { api, patch } = await open(t);
  const { metadata } = await api.ok("get", "configmaps", { ...inDefault, name: "a" });
  const pin = { resourceVersion: metadata.resourceVersion };
  t.equal((await patch(MERGE, { metadata: pin, data: { n: "1" } })).status, 200);
  t.match(await patch(MERGE, { metadata: pin, data: { n: "2" } }), { status: 409, body: { reason: "Conflict" } });
  const answers = await Promise.all(["p", "q", "r", "s"].map((key) => patch(MERGE, { data: { [key]: "1" } })));
  t.ok(answers.every(({ status }) => status === 200));
  t.match((await api.ok("get", "configmaps", { ...inDefault, name: "a" })).data, { p: "1", q: "1", r: "1", s: "1" });
});

t.test("what a patch may not do", async (t) => {
  const { api, patch } = await open(t);
  const before = await api.backend.currentRevision();
  t.match(await patch("application/json", {}), { status: 415, body: { message: /accepted media types include/ } });
  t.match(await patch(MERGE, { metadata: { name: "b" } }), {
    status: 400,
    body: { message: /does not match the name on/ },
  });
  t.match(await patch(MERGE, { metadata: { uid: "x" } }), { status: 409 });
  t.match(await patch(MERGE, { data: { x: 1 } }), { status: 422 });
  t.match(await patch(MERGE, { metadata: { labels: { "bad key!": "" } } }), { status: 422 });
  t.equal(
    (await api.call("patch", "configmaps", { ...inDefault, name: "no", contentType: MERGE, body: {} })).status,
    404,
  );
  const dry = await patch(MERGE, { data: { x: "dry" } }, { query: "dryRun=All" });
  t.equal(dry.body.data.x, "dry");
  const same = await patch(MERGE, { data: { x: "1" } });
  t.equal(same.status, 200);
  t.equal(await api.backend.currentRevision(), before, "nothing was written");
});

t.test("a value of the wrong type is told in the words of what has read the patch", async (t) => {
  const { api, patch } = await open(t);
  const told = async (body: object, words: string) => {
    const answer = await api.call("patch", "deployments", { ...inDefault, name: "web", contentType: STRATEGIC, body });
    t.match(answer, { status: 422, body: { reason: "Invalid", details: { causes: [{ field: "patch" }] } } });
    t.ok(answer.body.message.endsWith(`: ${words}`), answer.body.message);
  };
  await told({ spec: { replicas: "x" } }, "unrecognized type: int32");
  await told({ spec: { replicas: 1.5 } }, "cannot convert float64 to int32");
  await told({ spec: { paused: "yes" } }, "unrecognized type: bool");
  await told({ metadata: { labels: { a: 1 } } }, "cannot convert int64 to string");
  await told({ metadata: { labels: { a: true } } }, "unrecognized type: string");
  await told({ metadata: { labels: [1] } }, "cannot restore map from slice");
  await told({ spec: { template: { spec: { containers: "c" } } } }, "cannot restore slice from string");
  await told({ spec: { template: 7 } }, "cannot restore struct from: int64");
  t.match((await patch(MERGE, { data: [1] })).body.message, /json: cannot unmarshal array into Go struct field/);
});

t.test("status and scale are patched apart from the rest", async (t) => {
  const { api } = await open(t);
  const web = { ...inDefault, name: "web", contentType: MERGE };
  const body = { spec: { replicas: 9 }, status: { replicas: 3 } };
  const status = await api.ok("patch", "deployments", { ...web, subresource: "status", body });
  t.match(status, { spec: { replicas: 1 }, status: { replicas: 3 }, metadata: { generation: 1 } });
  const main = await api.ok("patch", "deployments", { ...web, body });
  t.match(main, { spec: { replicas: 9 }, status: { replicas: 3 } });
  const scale = await api.ok("patch", "deployments", { ...web, subresource: "scale", body: { spec: { replicas: 2 } } });
  t.match(scale, { kind: "Scale", spec: { replicas: 2 } });
  t.equal((await api.ok("get", "deployments", { ...inDefault, name: "web" })).spec.replicas, 2);
});
