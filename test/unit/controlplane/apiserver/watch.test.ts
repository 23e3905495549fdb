import t, { type Test } from "tap";
import { ResourceApi } from "#test/fixtures/resource-api.js";
import { until } from "#test/until.js";

const inDefault = { namespace: "default" };

async function put(api: ResourceApi, name: string, labels: Record<string, string> = {}): Promise<void> {
  const { status } = await api.call("get", "configmaps", { ...inDefault, name });
  const body = { metadata: { name, labels } };
  if (status === 404) await api.ok("create", "configmaps", { ...inDefault, body });
  else await api.ok("update", "configmaps", { ...inDefault, name, body });
}

const drop = (api: ResourceApi, name: string) => api.ok("delete", "configmaps", { ...inDefault, name });

async function open(t: Test, options = {}): Promise<ResourceApi> {
  const api = await ResourceApi.open(t, options);
  await put(api, "a", { app: "web" });
  await put(api, "b");
  return api;
}

t.test("a watch without a version begins with what exists", async (t) => {
  const api = await open(t);
  const watch = await api.watch("configmaps", inDefault);
  await put(api, "a", { app: "db" });
  await drop(api, "b");
  await until(() => watch.events.length === 4);
  t.same(watch.seen, ["ADDED a", "ADDED b", "MODIFIED a", "DELETED b"]);
  const [, b, , deleted] = watch.events;
  t.ok(Number(deleted!.object.metadata.resourceVersion) > Number(b!.object.metadata.resourceVersion));
  t.match(deleted!.object, { kind: "ConfigMap", apiVersion: "v1" });
  watch.stop();
  await put(api, "c");
  await put(api, "d");
  t.equal(watch.events.length, 4);
});

t.test("a watch goes on exactly after its version", async (t) => {
  const api = await open(t);
  const { resourceVersion } = (await api.ok("list", "configmaps")).metadata;
  await put(api, "c");
  const watch = await api.watch("configmaps", { query: `resourceVersion=${resourceVersion}` });
  const now = await api.watch("configmaps", { query: "sendInitialEvents=false&resourceVersionMatch=NotOlderThan" });
  await put(api, "d");
  await until(() => watch.events.length === 2 && now.events.length === 1);
  t.same(watch.seen, ["ADDED c", "ADDED d"]);
  t.same(now.seen, ["ADDED d"]);
  const future = await api.watch("configmaps", { query: "resourceVersion=99999" }).catch((error) => error);
  t.equal(future.code, 504);
});

t.test("versions older than the window in memory come from the store's log, without gap or repeat", async (t) => {
  const api = await open(t);
  const from = await api.backend.currentRevision();
  const count = 600;
  const write = (i: number) => put(api, `n${i % 10}`, { i: String(i) });
  const early = await api.watch("configmaps", { query: `resourceVersion=${from}` });
  for (let i = 0; i < count; i += 10) await Promise.all(Array.from({ length: 10 }, (_, j) => write(i + j)));
  const late = await api.watch("configmaps", { query: `resourceVersion=${from}` });
  for (let i = 0; i < 20; i++) await write(i);
  await until(() => early.events.length === count + 20 && late.events.length === count + 20);
  const versions = (events: typeof late.events) => events.map((e) => e.object.metadata.resourceVersion);
  t.same(versions(late.events), versions(early.events));
  t.equal(new Set(versions(late.events)).size, count + 20);
});

t.test("a version that was compacted away is 410 Expired", async (t) => {
  const api = await open(t);
  for (let i = 0; i < 60; i++) {
    await Promise.all(Array.from({ length: 10 }, (_, j) => put(api, `n${j}`, { i: String(i) })));
  }
  await api.backend.compact(await api.backend.currentRevision());
  const error = await api.watch("configmaps", { query: "resourceVersion=2" }).catch((error) => error);
  t.match(error, { code: 410, reason: "Expired", message: /^too old resource version: 2/ });
});

t.test("objects that come to match are ADDED, those that cease to are DELETED", async (t) => {
  const api = await open(t);
  const web = await api.watch("configmaps", { query: "labelSelector=app%3Dweb" });
  const one = await api.watch("configmaps", { ...inDefault, query: "fieldSelector=metadata.name%3Db" });
  await put(api, "b", { app: "web" });
  await put(api, "a", { app: "db" });
  await put(api, "a", { app: "db", x: "y" });
  await put(api, "b", { app: "web", x: "y" });
  await drop(api, "b");
  await until(() => web.events.length === 5 && one.events.length === 4);
  t.same(web.seen, ["ADDED a", "ADDED b", "DELETED a", "MODIFIED b", "DELETED b"]);
  t.same(web.events[2]!.object.metadata.labels, { app: "web" }, "the last state that matched");
  t.same(one.seen, ["ADDED b", "MODIFIED b", "MODIFIED b", "DELETED b"]);
  const pods = await api.watch("pods", { query: "fieldSelector=spec.nodeName%3Dn1" });
  t.same(pods.seen, []);
});

t.test("initial events end with an annotated bookmark; bookmarks come when asked for", async (t) => {
  const api = await open(t, { bookmarkMs: 30 });
  const query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
  const watch = await api.watch("configmaps", { query });
  const silent = await api.watch("configmaps");
  await until(() => watch.events.length > 3);
  t.same(watch.seen.slice(0, 4), ["ADDED a", "ADDED b", "BOOKMARK", "BOOKMARK"]);
  t.match(watch.events[2]!.object.metadata.annotations, { "k8s.io/initial-events-end": "true" });
  t.equal(watch.events[3]!.object.metadata.annotations, undefined);
  await api.ok("create", "secrets", { ...inDefault, body: { metadata: { name: "s" } } });
  const revision = String(await api.backend.currentRevision());
  await until(() => watch.events.at(-1)!.object.metadata.resourceVersion === revision);
  t.pass("a bookmark moves on with changes of other kinds");
  t.same(silent.seen, ["ADDED a", "ADDED b"]);
  const wrong = await api.watch("configmaps", { query: "sendInitialEvents=true" }).catch((error) => error);
  t.equal(wrong.code, 422);
});

t.test("events of one group commit reach a watcher in one write, equal watchers share them", async (t) => {
  const api = await open(t);
  const watches = await Promise.all(Array.from({ length: 5 }, () => api.watch("configmaps", inDefault)));
  const before = watches[0]!.writes;
  await Promise.all(Array.from({ length: 40 }, (_, i) => put(api, `n${i}`)));
  await until(() => watches.every((watch) => watch.events.length === 42));
  t.ok(watches[0]!.writes - before < 10, `${watches[0]!.writes - before} writes for 40 events`);
  t.same(watches[4]!.events, watches[0]!.events);
});

t.test("initial objects beyond a client's bound wait for it, and what happens meanwhile follows", async (t) => {
  const api = await open(t);
  const text = "x".repeat(100_000);
  for (let i = 0; i < 8; i++) {
    await api.ok("create", "configmaps", { ...inDefault, body: { metadata: { name: `n${i}` }, data: { text } } });
  }
  const stream = await api.handler.handle(api.request("watch", "configmaps"));
  if (!("start" in stream)) throw new Error("not a stream");
  const names: string[] = [];
  let largest = 0;
  stream.start({
    write(chunk) {
      largest = Math.max(largest, chunk.length);
      for (const line of chunk.toString().trim().split("\n")) names.push(JSON.parse(line).object.metadata.name);
      return true;
    },
    drained: () => put(api, `during${names.length}`),
    end: () => undefined,
  });
  await until(() => names.filter((name) => name.startsWith("during")).length === 2);
  t.same(names.slice(0, 10), ["a", "b", "n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7"]);
  t.equal(new Set(names).size, names.length, "nothing comes twice");
  t.ok(largest < 500_000);
});

t.test("a watch ends at its timeout, and one whose client does not read is closed", async (t) => {
  const api = await open(t);
  const slow = await api.watch("configmaps");
  slow.keepsUp = false;
  await put(api, "c");
  await until(() => slow.ended);
  await put(api, "d");
  t.same(slow.seen, ["ADDED a", "ADDED b", "ADDED c"]);
  const timed = await api.watch("configmaps", { query: "timeoutSeconds=1" });
  await until(() => timed.ended);
  t.same(timed.seen, ["ADDED a", "ADDED b", "ADDED c", "ADDED d"]);
});

t.test("tables and metadata can be watched", async (t) => {
  const api = await open(t);
  const table = await api.watch("configmaps", { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" });
  const accept = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
  const metadata = await api.watch("configmaps", { accept });
  await put(api, "a", { app: "db" });
  await until(() => table.events.length === 3 && metadata.events.length === 3);
  t.match(table.events[2], { type: "MODIFIED", object: { kind: "Table", rows: [{ cells: ["a", 0, /s$/] }] } });
  t.match(metadata.events[2], { object: { kind: "PartialObjectMetadata", metadata: { labels: { app: "db" } } } });
  t.notOk("data" in metadata.events[2]!.object);
});

t.test("a direct watch gets frozen objects, the ones a direct get gets", async (t) => {
  const api = await open(t);
  const stream = await api.handler.handle({ ...api.request("watch", "configmaps"), direct: true });
  if (!("start" in stream)) throw new Error("not a stream");
  const seen: { type: string; object: object }[] = [];
  stream.start({
    write: () => t.fail("no bytes") as never,
    writeEvents: (events) => seen.push(...events) > 0,
    end: () => undefined,
  });
  t.same(
    seen.map((e) => e.type),
    ["ADDED", "ADDED"],
  );
  const got = await api.handler.handle({
    ...api.request("get", "configmaps", { ...inDefault, name: "a" }),
    direct: true,
  });
  t.equal("object" in got && got.object, seen[0]!.object);
  t.ok(Object.isFrozen((seen[0]!.object as { metadata: object }).metadata));
});
