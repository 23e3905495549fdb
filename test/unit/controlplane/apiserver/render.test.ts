import t from "tap";
import { ResourceApi } from "#test/fixtures/resource-api.js";

const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io";
const inDefault = { namespace: "default" };
const a = { ...inDefault, name: "a" };

async function open(t: Parameters<typeof ResourceApi.open>[0]): Promise<ResourceApi> {
  let now = Date.parse("2026-01-01T00:00:00Z");
  const api = await ResourceApi.open(t, { now: () => now });
  for (const name of ["a", "b"]) {
    await api.ok("create", "configmaps", { ...inDefault, body: { metadata: { name }, data: { x: "1" } } });
    now += 100_000;
  }
  return api;
}

t.test("tables have columns, cells with ages, and as much of the object as asked for", async (t) => {
  const api = await open(t);
  const { body: list } = await api.call("list", "configmaps", { accept: `${TABLE},application/json` });
  t.match(list, { kind: "Table", apiVersion: "meta.k8s.io/v1", metadata: { resourceVersion: /^\d+$/ } });
  t.same(
    list.columnDefinitions.map((c: { name: string; type: string }) => `${c.name} ${c.type}`),
    ["Name string", "Data string", "Age string"],
  );
  t.same(
    list.rows.map((row: { cells: unknown[] }) => row.cells),
    [
      ["a", 1, "3m20s"],
      ["b", 1, "100s"],
    ],
  );
  t.match(list.rows[0].object, { kind: "PartialObjectMetadata", metadata: { name: "a" } });
  t.notOk("data" in list.rows[0].object);
  const full = await api.call("get", "configmaps", { ...a, accept: TABLE, query: "includeObject=Object" });
  t.match(full.body, { kind: "Table", rows: [{ object: { kind: "ConfigMap", data: { x: "1" } } }] });
  const none = await api.call("list", "configmaps", { accept: TABLE, query: "includeObject=None&limit=1" });
  t.equal(none.body.rows[0].object, undefined);
  t.match(none.body.metadata, { continue: /.+/, remainingItemCount: 1 });
});

t.test("metadata alone, of one object and of a list", async (t) => {
  const api = await open(t);
  const as = (type: string) => `application/json;as=${type};g=meta.k8s.io;v=v1`;
  const one = await api.ok("get", "configmaps", { ...a, accept: as("PartialObjectMetadata") });
  t.match(one, { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: { name: "a" } });
  const list = await api.ok("list", "configmaps", { accept: as("PartialObjectMetadataList") });
  t.match(list, {
    kind: "PartialObjectMetadataList",
    items: [{ metadata: { name: "a" } }, { metadata: { name: "b" } }],
  });
  t.notOk("data" in list.items[0]);
});

t.test("JSON when protobuf is only preferred, 406 when nothing else is accepted", async (t) => {
  const api = await open(t);
  const protobuf = "application/vnd.kubernetes.protobuf";
  t.equal(
    (await api.call("get", "configmaps", { ...a, accept: `${protobuf},application/json` })).body.kind,
    "ConfigMap",
  );
  t.equal((await api.call("get", "configmaps", { ...a, accept: "text/html,*/*;q=0.8" })).status, 200);
  t.match(await api.call("get", "configmaps", { ...a, accept: protobuf }), {
    status: 406,
    body: { reason: "NotAcceptable", message: /^only the following media types are accepted: application\/json/ },
  });
});

t.test("YAML and indented JSON", async (t) => {
  const api = await open(t);
  const yaml = await api.call("get", "configmaps", { ...a, accept: "application/yaml" });
  t.equal(yaml.contentType, "application/yaml");
  t.match(
    yaml.text,
    /\nmetadata:\n {2}name: a\n[\s\S]* {2}creationTimestamp: "?2026[\s\S]* {2}resourceVersion: "\d+"\n/,
  );
  const yamlList = await api.call("list", "configmaps", { accept: "application/yaml" });
  t.match(yamlList.text, /^kind: ConfigMapList/);
  const pretty = await api.call("get", "configmaps", { ...a, query: "pretty=true" });
  t.match(pretty.text, /^\{\n {2}"(kind|apiVersion)": "\w+",\n/);
  t.match((await api.call("get", "configmaps", { ...a, userAgent: "curl" })).text, /^\{\n/);
  t.notMatch((await api.call("get", "configmaps", a)).text, /\n/);
});

t.test("a direct answer is an object: shared, frozen, without bytes", async (t) => {
  const api = await open(t);
  const ask = (verb: "get" | "list") => api.handler.handle({ ...api.request(verb, "configmaps", a), direct: true });
  const one = await ask("get");
  t.match(one, { chunks: [], object: { kind: "ConfigMap", metadata: { name: "a" } } });
  const request = { ...api.request("list", "configmaps", inDefault), direct: true };
  const list = await api.handler.handle(request);
  t.match(list, { object: { kind: "ConfigMapList", items: { length: 2 } } });
  const object = { metadata: { name: "c" }, data: { y: "1" } };
  const made = await api.handler.handle({ ...api.request("create", "configmaps", inDefault), object, direct: true });
  t.match(made, { status: 201, object: { metadata: { name: "c", resourceVersion: /\d/ } } });
  t.notOk("uid" in object.metadata, "the caller's object is left alone");
});
