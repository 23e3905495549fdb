/** What upstream's conformance tests ask of any API server, over TLS. */
import t, { type Test } from "tap";
import type { ConfigMap } from "#api/generated/types.js";
import type { WatchEvent } from "#api/object.js";
import { configMaps } from "#api/refs.js";
import type { Client, WatchQuery } from "#client/client.js";
import { eventually, TestServer } from "#test/fixtures/api-server.js";
import { proves } from "#test/proves.js";

const namespace = "default";
const WATCHERS = "[sig-api-machinery] Watchers should";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments";

t.test("version and discovery", async (t) => {
  proves(t, "[sig-api-machinery] server version should find the server version [Conformance]");
  proves(t, "[sig-api-machinery] Discovery should validate PreferredVersion for each APIGroup [Conformance]");
  const api = await TestServer.start(t);
  const version = (await api.call("GET", "/version")).json;
  t.match(version, { major: /^[1-9]\d*$/, minor: /^\d+$/, gitVersion: /^v1\.\d+\.\d+/ });
  const { groups } = (await api.call("GET", "/apis/")).json;
  t.ok(groups.length > 0);
  for (const { name } of groups) {
    const group = (await api.call("GET", `/apis/${name}/`)).json;
    t.match(group, { kind: "APIGroup", apiVersion: "v1", name });
    const known = group.versions.map(({ groupVersion }: { groupVersion: string }) => groupVersion);
    t.ok(known.includes(group.preferredVersion.groupVersion), name);
  }
  const { paths } = (await api.call("GET", "/")).json;
  for (const path of ["/api/v1", "/apis/apps", "/healthz/ping", "/openapi/v3", "/version"])
    t.ok(paths.includes(path), path);
  t.equal((await api.call("GET", "/", { as: null })).status, 403);
});

t.test(
  "strict field validation names what it does not know and what stands twice, in the order of the text",
  async (t) => {
    const validation = "[sig-api-machinery] FieldValidation should detect";
    proves(t, `${validation} unknown and duplicate fields of a typed object [Conformance]`);
    proves(t, `${validation} unknown metadata fields of a typed object [Conformance]`);
    const api = await TestServer.start(t);
    const rest = `"selector":{"matchLabels":{"app":"a"}},"template":{"metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"name":"n","image":"i"}]}}`;
    const refused = async (metadata: string, spec: string, words: string) => {
      const body = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"${metadata}},"spec":{${spec}${rest}}}`;
      const { status, json } = await api.call("POST", `${DEPLOYMENTS}?fieldValidation=Strict&fieldManager=m`, { body });
      t.equal(status, 400);
      t.equal(
        json.message,
        `Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: ${words}`,
      );
    };
    const both = 'unknown field "spec.unknownField", duplicate field "spec.replicas"';
    await refused("", '"unknownField":"foo","replicas":2,"replicas":3,', both);
    await refused(',"unknownMeta":"foo"', "", 'unknown field "metadata.unknownMeta"');
    t.equal((await api.call("GET", `${DEPLOYMENTS}/d`)).status, 404);
  },
);

t.test("what has no metadata is no table", async (t) => {
  const transformation = "[sig-api-machinery] Servers with support for Table transformation should return a 406";
  proves(t, `${transformation} for a backend which does not implement metadata [Conformance]`);
  const api = await TestServer.start(t);
  const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  const body = { spec: { nonResourceAttributes: { path: "/", verb: "get" } } };
  const table = "application/json;as=Table;v=v1;g=meta.k8s.io";
  const post = (accept: string) => api.call("POST", path, { body, headers: { accept } });
  t.match(await post(table), { status: 406, json: { reason: "NotAcceptable", code: 406 } });
  t.match(await post(`${table},application/json`), { status: 201, json: { status: { allowed: true } } });
});

interface Seen {
  events: WatchEvent<ConfigMap>[];
  /** `ADDED 1`: type and data of each event. */
  texts(): string[];
  close(): void;
}

/** From now on, unless a version is given: the watch may be there later than what the test does next. */
async function follow(t: Test, client: Client, query: Partial<WatchQuery>): Promise<Seen> {
  const resourceVersion =
    query.resourceVersion ?? (await client.list(configMaps, { namespace })).metadata.resourceVersion ?? "0";
  const events: WatchEvent<ConfigMap>[] = [];
  const watch = client.watch(
    configMaps,
    { namespace, ...query, resourceVersion },
    {
      onEvents: (batch) => events.push(...batch.filter(({ type }) => type !== "BOOKMARK")),
      onEnd: (error) => t.error(error),
    },
  );
  t.teardown(() => watch.close());
  const texts = () => events.map(({ type, object }) => `${type} ${object.data?.["mutation"] ?? ""}`.trim());
  return { events, texts, close: () => watch.close() };
}

const told = (seen: Seen, ...expected: string[]) =>
  eventually(() => (seen.texts().join() === expected.join() ? true : undefined), `${expected}, not ${seen.texts()}`);

const make = (client: Client, name: string, watched: string) =>
  client.create(configMaps, { metadata: { name, namespace, labels: { watched } } });
const change = (client: Client, name: string, mutation: string, watched?: string) =>
  client.patch(
    configMaps,
    name,
    {
      type: "application/merge-patch+json",
      body: { data: { mutation }, ...(watched && { metadata: { labels: { watched } } }) },
    },
    { namespace },
  );

t.test("watchers of labels see the adds, updates and deletes of theirs", async (t) => {
  proves(t, `${WATCHERS} observe add, update, and delete watch notifications on configmaps [Conformance]`);
  const api = await TestServer.start(t);
  const client = api.rest();
  const a = await follow(t, client, { labelSelector: "watched=a" });
  const b = await follow(t, client, { labelSelector: "watched=b" });
  const both = await follow(t, client, { labelSelector: "watched in (a,b)" });
  await make(client, "a", "a");
  await told(a, "ADDED");
  await change(client, "a", "1");
  await change(client, "a", "2");
  await client.delete(configMaps, "a", namespace);
  const ofA = ["ADDED", "MODIFIED 1", "MODIFIED 2", "DELETED 2"];
  await told(a, ...ofA);
  await told(both, ...ofA);
  t.same(b.texts(), []);
  await make(client, "b", "b");
  await client.delete(configMaps, "b", namespace);
  await told(b, "ADDED", "DELETED");
  await told(both, ...ofA, "ADDED", "DELETED");
  t.same(a.texts(), ofA);
});

t.test("a watch begins after the version it names, the last one another watch has seen among them", async (t) => {
  proves(t, `${WATCHERS} be able to start watching from a specific resource version [Conformance]`);
  proves(
    t,
    `${WATCHERS} be able to restart watching from the last resource version observed by the previous watch [Conformance]`,
  );
  const api = await TestServer.start(t);
  const client = api.rest();
  const first = await follow(t, client, { labelSelector: "watched=a" });
  await make(client, "a", "a");
  const { resourceVersion = "" } = (await change(client, "a", "1")).metadata;
  await told(first, "ADDED", "MODIFIED 1");
  first.close();
  await change(client, "a", "2");
  await client.delete(configMaps, "a", namespace);
  await told(await follow(t, client, { resourceVersion }), "MODIFIED 2", "DELETED 2");
  const observed = first.events.at(-1)!.object.metadata.resourceVersion ?? "";
  const rest = await follow(t, client, { labelSelector: "watched=a", resourceVersion: observed });
  await told(rest, "MODIFIED 2", "DELETED 2");
});

t.test("an object that stops to match is deleted for that watcher, and added when it matches again", async (t) => {
  proves(
    t,
    `${WATCHERS} observe an object deletion if it stops meeting the requirements of the selector [Conformance]`,
  );
  const api = await TestServer.start(t);
  const client = api.rest();
  const seen = await follow(t, client, { labelSelector: "watched=a" });
  await make(client, "a", "a");
  await change(client, "a", "1");
  await change(client, "a", "2", "elsewhere");
  await told(seen, "ADDED", "MODIFIED 1", "DELETED 1");
  await change(client, "a", "3");
  await change(client, "a", "4", "a");
  await change(client, "a", "5");
  await client.delete(configMaps, "a", namespace);
  await told(seen, "ADDED", "MODIFIED 1", "DELETED 1", "ADDED 4", "MODIFIED 5", "DELETED 5");
});

t.test("concurrent watches from every version see the same events in the same order", async (t) => {
  proves(t, `${WATCHERS} receive events on concurrent watches in same order [Conformance]`);
  const api = await TestServer.start(t);
  const client = api.rest();
  const write = async (lane: number) => {
    for (let i = 0; i < 8; i++) {
      const name = `cm-${lane}-${i}`;
      await make(client, name, "a");
      await change(client, name, "1");
      if (i % 2 === 0) await client.delete(configMaps, name, namespace);
    }
  };
  const versions = ({ events }: Seen) => events.map(({ object }) => object.metadata.resourceVersion ?? "");
  const first = await follow(t, client, { labelSelector: "watched=a" });
  const writing = Promise.all([0, 1, 2, 3, 4].map(write));
  const others: { from: string; seen: Seen }[] = [];
  await eventually(async () => {
    for (const from of versions(first).slice(others.length)) {
      others.push({ from, seen: await follow(t, client, { labelSelector: "watched=a", resourceVersion: from }) });
    }
    return others.length === 100 || undefined;
  }, "100 events");
  await writing;
  const order = versions(first);
  t.equal(order.length, 100);
  t.same(
    order,
    [...new Set(order)].sort((a, b) => Number(a) - Number(b)),
  );
  for (const { from, seen } of others) {
    const expected = order.slice(order.indexOf(from) + 1);
    await eventually(() => (seen.events.length >= expected.length ? true : undefined), `events after ${from}`);
    if (versions(seen).join() !== expected.join()) t.same(versions(seen), expected, from);
  }
});
