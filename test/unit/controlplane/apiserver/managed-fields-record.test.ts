import t from "tap";
import { ResourceApi } from "#test/fixtures/resource-api.js";

const inDefault = { namespace: "default" };
const a = { ...inDefault, name: "a" };

interface Entry {
  manager: string;
  operation: string;
  subresource?: string;
  time: string;
  fieldsV1: { "f:data"?: object };
}

t.test("every write records its manager, and a repeated one is not a write", async (t) => {
  let now = Date.parse("2026-01-01T00:00:00Z");
  const api = await ResourceApi.open(t, { now: () => now });
  const body = { metadata: { name: "a" }, data: { x: "1", y: "1" } };
  const made = await api.ok("create", "configmaps", { ...inDefault, body, query: "fieldManager=maker" });
  t.match(made.metadata.managedFields, [
    { manager: "maker", operation: "Update", apiVersion: "v1", fieldsType: "FieldsV1", time: "2026-01-01T00:00:00Z" },
  ]);
  now += 60_000;
  const merge = { ...a, contentType: "application/merge-patch+json", body: { data: { y: "2" } } };
  const patched = await api.ok("patch", "configmaps", { ...merge, userAgent: "kubectl" });
  const entries: Entry[] = patched.metadata.managedFields;
  t.same(
    entries.map(({ manager, time, fieldsV1 }) => [manager, time.slice(14, 16), Object.keys(fieldsV1["f:data"] ?? {})]),
    [
      ["maker", "00", [".", "f:x"]],
      ["kubectl", "01", ["f:y"]],
    ],
  );
  now += 60_000;
  const again = await api.ok("patch", "configmaps", { ...merge, userAgent: "kubectl" });
  t.equal(again.metadata.resourceVersion, patched.metadata.resourceVersion);
  const put = await api.ok("update", "configmaps", {
    ...a,
    body: { ...body, data: { x: "1", y: "2" } },
    userAgent: "kubectl",
  });
  t.equal(put.metadata.resourceVersion, patched.metadata.resourceVersion, "an update that says the same");
});

t.test("status is owned apart", async (t) => {
  let now = Date.parse("2026-01-01T00:00:00Z");
  const api = await ResourceApi.open(t, { now: () => now });
  const spec = { containers: [{ name: "c", image: "nginx" }] };
  const pod = await api.ok("create", "pods", { ...inDefault, body: { metadata: { name: "a" }, spec } });
  now += 1000;
  const body = { ...pod, status: { phase: "Running" } };
  const reported = await api.ok("update", "pods", { ...a, subresource: "status", body, userAgent: "agent" });
  t.match(reported.metadata.managedFields, [
    { manager: "tester", subresource: undefined },
    { manager: "agent", subresource: "status", fieldsV1: { "f:status": { "f:phase": {} } } },
  ]);
  const owned = reported.metadata.managedFields[0].fieldsV1["f:spec"];
  t.ok("f:containers" in owned && !("f:tolerations" in owned), "what admission adds is nobody's");
  const bad = await api.call("create", "configmaps", {
    ...inDefault,
    body: {},
    query: `fieldManager=${"x".repeat(200)}`,
  });
  t.match(bad, { status: 422, body: { details: { causes: [{ field: "fieldManager" }] } } });
});
