import t from "tap";
import { ResourceApi } from "#test/fixtures/resource-api.js";

const configMap = (name: string, data: object = { a: "1" }) => ({ metadata: { name }, data });

t.test("create sets what the server sets and nothing the client may not", async (t) => {
  const api = await ResourceApi.open(t, { now: () => Date.parse("2026-01-02T03:04:05.678Z") });
  const body = { metadata: { name: "a", uid: "mine", generation: 7, deletionTimestamp: "2020-01-01T00:00:00Z" } };
  const { status, body: created } = await api.call("create", "configmaps", { namespace: "default", body });
  t.equal(status, 201);
  t.match(created, { kind: "ConfigMap", apiVersion: "v1" });
  t.match(created.metadata, { name: "a", namespace: "default", creationTimestamp: "2026-01-02T03:04:05Z" });
  t.match(created.metadata.uid, /^[0-9a-f]{8}-[0-9a-f-]{27}$/);
  t.equal(created.metadata.deletionTimestamp, undefined);
  t.equal(created.metadata.generation, undefined);
  t.equal(created.metadata.resourceVersion, String(await api.backend.currentRevision()));
  t.same(await api.ok("get", "configmaps", { namespace: "default", name: "a" }), created);
});

t.test("a taken name, a missing and a dying namespace are refused in Kubernetes' words", async (t) => {
  const api = await ResourceApi.open(t);
  await api.ok("create", "configmaps", { namespace: "default", body: configMap("a") });
  const again = await api.call("create", "configmaps", { namespace: "default", body: configMap("a") });
  t.match(again, { status: 409, body: { reason: "AlreadyExists", message: 'configmaps "a" already exists' } });
  const dry = await api.call("create", "configmaps", {
    namespace: "default",
    body: configMap("a"),
    query: "dryRun=All",
  });
  t.equal(dry.status, 409);
  const nowhere = await api.call("create", "configmaps", { namespace: "nowhere", body: configMap("a") });
  t.match(nowhere, { status: 404, body: { reason: "NotFound", message: 'namespaces "nowhere" not found' } });
  await api.ok("delete", "namespaces", { name: "other" });
  const dying = await api.call("create", "configmaps", { namespace: "other", body: configMap("a") });
  t.equal(dying.status, 403);
  t.equal(
    dying.body.message,
    'configmaps "a" is forbidden: unable to create new content in namespace other because it is being terminated',
  );
  t.match(dying.body.details.causes, [{ reason: "NamespaceTerminating", field: "metadata.namespace" }]);
  const elsewhere = { metadata: { name: "b", namespace: "other" } };
  const wrong = await api.call("create", "configmaps", { namespace: "default", body: elsewhere });
  t.match(wrong, {
    status: 400,
    body: { message: "the namespace of the provided object does not match the namespace sent on the request" },
  });
});

t.test("generated names are unique and keep the prefix", async (t) => {
  const api = await ResourceApi.open(t);
  const body = { metadata: { generateName: "web-" } };
  const made = await Promise.all(
    Array.from({ length: 20 }, () => api.ok("create", "configmaps", { namespace: "default", body })),
  );
  t.equal(new Set(made.map((object) => object.metadata.name)).size, 20);
  t.match(made[0].metadata, { name: /^web-[a-z0-9]{5}$/, generateName: "web-" });
  const long = { metadata: { generateName: "x".repeat(80) } };
  const { metadata } = await api.ok("create", "configmaps", { namespace: "default", body: long });
  t.equal(metadata.name.length, 63);
});

t.test("dry run answers as a create would and stores nothing", async (t) => {
  const api = await ResourceApi.open(t);
  const before = await api.backend.currentRevision();
  const call = { namespace: "default", body: configMap("a"), query: "dryRun=All" };
  const { status, body } = await api.call("create", "configmaps", call);
  t.equal(status, 201);
  t.match(body.metadata, { name: "a", uid: /.+/ });
  t.equal(await api.backend.currentRevision(), before);
  t.equal((await api.call("get", "configmaps", { namespace: "default", name: "a" })).status, 404);
  const bad = await api.call("create", "configmaps", { ...call, query: "dryRun=Some" });
  t.match(bad, { status: 422, body: { reason: "Invalid", details: { kind: "CreateOptions" } } });
});

t.test("what cannot be read or is not valid stores nothing and names the field", async (t) => {
  const api = await ResourceApi.open(t);
  const before = await api.backend.currentRevision();
  const post = (body: object | string, more: object = {}) =>
    api.call("create", "configmaps", { namespace: "default", body, ...more });
  t.match(await post({ metadata: { name: "Bad_Name" } }), {
    status: 422,
    body: { reason: "Invalid", details: { kind: "ConfigMap", causes: [{ field: "metadata.name" }] } },
  });
  t.match(await post({ metadata: {} }), { status: 422, body: { message: /name or generateName is required/ } });
  t.match(await post("{"), { status: 400, body: { reason: "BadRequest", message: /^the object provided is unrecog/ } });
  t.match(await post({ ...configMap("a"), kind: "Secret" }), {
    status: 400,
    body: { message: /^Secret in version "v1" cannot be handled as a ConfigMap/ },
  });
  t.match(await post({ ...configMap("a"), apiVersion: "v2" }), {
    status: 400,
    body: { message: "the API version in the data (v2) does not match the expected API version (v1)" },
  });
  t.match(await post("kind: x", { contentType: "application/vnd.kubernetes.protobuf" }), { status: 415 });
  t.match(await post({ ...configMap("a"), foo: 1 }, { query: "fieldValidation=Strict" }), {
    status: 400,
    body: { message: /strict decoding error: unknown field "foo"$/ },
  });
  t.match(await post({ metadata: { name: "a", resourceVersion: "1" } }), {
    status: 500,
    body: { message: "resourceVersion should not be set on objects to be created" },
  });
  t.match(await post(configMap("a", { a: "x".repeat(1_100_000) })), {
    status: 422,
    body: { message: 'ConfigMap "a" is invalid: []: Too long: may not be more than 1048576 bytes' },
  });
  const event = {
    metadata: { name: "a" },
    involvedObject: { namespace: "default" },
    message: "x".repeat(1_600_000),
  };
  t.match(await api.call("create", "events", { namespace: "default", body: event }), {
    status: 413,
    body: { reason: "RequestEntityTooLarge", message: "etcdserver: request is too large" },
  });
  t.equal(await api.backend.currentRevision(), before);
});

t.test("fieldValidation Warn prunes and warns, Ignore only prunes; YAML bodies are read", async (t) => {
  const api = await ResourceApi.open(t);
  const unknown = await api.call("create", "configmaps", { namespace: "default", body: { ...configMap("a"), foo: 1 } });
  t.same(unknown.warnings, ['unknown field "foo"']);
  t.notOk("foo" in unknown.body);
  const body = { ...configMap("b"), foo: 1 };
  t.same(
    (await api.call("create", "configmaps", { namespace: "default", body, query: "fieldValidation=Ignore" })).warnings,
    [],
  );
  const yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  k: v\n";
  const made = await api.ok("create", "configmaps", {
    namespace: "default",
    body: yaml,
    contentType: "application/yaml",
  });
  t.same(made.data, { k: "v" });
});
