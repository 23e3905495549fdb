/** The two transports of the client, HTTPS and direct, keep one contract. */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import t, { type Test } from "tap";
import type { ConfigMap } from "#api/generated/types.js";
import type { WatchEvent } from "#api/object.js";
import { configMaps, deployments, namespaces, pods, serviceAccounts } from "#api/refs.js";
import { isConflict, isGone } from "#api/status-error.js";
import type { Client } from "#client/client.js";
import { RestClient } from "#client/rest.js";
import { eventually, TestServer } from "#test/fixtures/api-server.js";

const TRANSPORTS: Readonly<Record<string, (api: TestServer) => Client>> = {
  rest: (api) => api.rest(),
  direct: (api) => api.server.admin,
};

const map = (name: string, data: Record<string, string> = {}) => ({
  metadata: { name, namespace: "default", labels: { name } },
  data,
});

/** Follows config maps; what comes and how it ends is kept. */
function follow(client: Client, resourceVersion: string, labelSelector?: string) {
  const seen: WatchEvent<ConfigMap>[] = [];
  const ends: (Error | undefined)[] = [];
  const query = { namespace: "default", resourceVersion, labelSelector };
  const watch = client.watch(configMaps, query, {
    onEvents: (events) => void seen.push(...events),
    onEnd: (error) => void ends.push(error),
  });
  const changes = () =>
    seen.filter(({ type }) => type !== "BOOKMARK").map((e) => `${e.type} ${e.object.metadata.name}`);
  return { seen, ends, changes, close: () => watch.close() };
}

async function readsAndWrites(t: Test, client: Client): Promise<void> {
  const made = await client.create(configMaps, map("a", { k: "1" }), { fieldManager: "tester" });
  t.match(made, { kind: "ConfigMap", apiVersion: "v1", data: { k: "1" }, metadata: { name: "a" } });
  t.match(made.metadata.managedFields?.[0], { manager: "tester", operation: "Update" });
  await t.rejects(client.create(configMaps, map("a")), { code: 409, message: /already exists/ });
  t.same((await client.get(configMaps, "a", "default")).metadata.uid, made.metadata.uid);
  await t.rejects(client.get(configMaps, "none", "default"), { code: 404, message: /not found/ });
  const updated = await client.update(configMaps, { ...made, data: { k: "2" } });
  t.not(updated.metadata.resourceVersion, made.metadata.resourceVersion);
  await t.rejects(client.update(configMaps, { ...made, data: { k: "3" } }), {
    code: 409,
    message: /has been modified/,
  });
  const dry = await client.update(configMaps, { ...updated, data: { k: "9" } }, { dryRun: true });
  t.same(dry.data, { k: "9" });
  const merge = { type: "application/merge-patch+json", body: { data: { m: "x", k: null } } } as const;
  t.same((await client.patch(configMaps, "a", merge, { namespace: "default" })).data, { m: "x" });
  const json = { type: "application/json-patch+json", body: [{ op: "test", path: "/data/m", value: "y" }] } as const;
  await t.rejects(client.patch(configMaps, "a", json, { namespace: "default" }), { code: 422 });
  const status = await client.delete(configMaps, "a", "default");
  t.match(status, { kind: "Status", status: "Success" });
  await t.rejects(client.delete(configMaps, "a", "default"), { code: 404, message: /not found/ });
}

async function lists(t: Test, client: Client): Promise<void> {
  for (const name of ["l1", "l2", "l3"]) await client.create(configMaps, map(name));
  const names = async (query: object) =>
    (await client.list(configMaps, { namespace: "default", ...query })).items.map((o) => o.metadata.name);
  t.same(await names({ labelSelector: "name in (l1,l3)" }), ["l1", "l3"]);
  t.same(await names({ fieldSelector: "metadata.name=l2" }), ["l2"]);
  const page = await client.list(configMaps, { namespace: "default", labelSelector: "name", limit: 2 });
  t.equal(page.items.length, 2);
  const rest = await client.list(configMaps, {
    namespace: "default",
    labelSelector: "name",
    continue: page.metadata.continue,
  });
  t.same(
    [...page.items, ...rest.items].map((o) => o.metadata.name),
    ["l1", "l2", "l3"],
  );
  await client.deleteCollection(configMaps, { namespace: "default", labelSelector: "name in (l1,l2)" });
  t.same(await names({ labelSelector: "name" }), ["l3"]);
  t.ok((await client.list(namespaces)).items.length >= 4, "cluster scope");
}

async function subresources(t: Test, client: Client): Promise<void> {
  const spec = { containers: [{ name: "c", image: "i" }] };
  const template = { metadata: { labels: { a: "b" } }, spec };
  const draft = {
    metadata: { name: "d", namespace: "default" },
    spec: { replicas: 0, selector: { matchLabels: { a: "b" } }, template },
  };
  const made = await client.create(deployments, draft);
  const changed = await client
    .update(deployments, { ...made, status: { replicas: 7 } }, { subresource: "status" })
    .catch((error) => {
      // A controller may have written in between.
      if (!isConflict(error)) throw error;
      return client.patch(
        deployments,
        "d",
        { type: "application/merge-patch+json", body: { status: { replicas: 7 } } },
        { namespace: "default", subresource: "status" },
      );
    });
  t.equal(changed.status?.replicas, 7);
  const scale = { type: "application/merge-patch+json", body: { spec: { replicas: 2 } } } as const;
  t.match(await client.patch(deployments, "d", scale, { namespace: "default", subresource: "scale" }), {
    kind: "Scale",
    spec: { replicas: 2 },
  });
  await client.create(serviceAccounts, { metadata: { name: "s", namespace: "default" } });
  const body = { spec: { audiences: [], expirationSeconds: 600 } };
  const token = await client.createSubresource<{ status: { token: string } }>(
    serviceAccounts,
    "s",
    "default",
    "token",
    body,
  );
  t.match(token.status.token, /^ey/);
  await client.create(pods, {
    metadata: { name: "p", namespace: "default" },
    spec: { ...spec, serviceAccountName: "s" },
  });
  const target = { kind: "Node", apiVersion: "v1", name: "n1" };
  await client.createSubresource(pods, "p", "default", "binding", { metadata: { name: "p" }, target });
  t.equal((await client.get(pods, "p", "default")).spec.nodeName, "n1");
  await client.delete(pods, "p", "default", { gracePeriodSeconds: 0 });
}

async function watches(t: Test, client: Client): Promise<void> {
  const { metadata } = await client.list(configMaps, { namespace: "default" });
  const from = metadata.resourceVersion ?? "0";
  const made = await client.create(configMaps, map("w1"));
  const all = follow(client, from);
  const some = follow(client, from, "name=w2");
  await client.create(configMaps, map("w2"));
  await client.update(configMaps, { ...made, data: { k: "v" } });
  await client.delete(configMaps, "w1", "default");
  const expected = ["ADDED w1", "ADDED w2", "MODIFIED w1", "DELETED w1"];
  await eventually(() => (all.changes().length >= 4 ? true : undefined), "four events");
  t.same(all.changes(), expected);
  t.match(all.seen.findLast(({ type }) => type !== "BOOKMARK")?.object, {
    kind: "ConfigMap",
    apiVersion: "v1",
    data: { k: "v" },
  });
  await eventually(() => (some.changes().length > 0 ? true : undefined), "the one that is asked for");
  t.same(some.changes(), ["ADDED w2"]);
  await eventually(() => all.seen.find(({ type }) => type === "BOOKMARK"), "a bookmark");
  all.close();
  some.close();
  await client.delete(configMaps, "w2", "default");
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.same([all.changes(), all.ends, some.ends], [expected, [], []], "nothing after close");
  const future = follow(client, "999999999");
  await eventually(() => (future.ends.length > 0 ? true : undefined), "the end");
  t.equal(future.ends.length, 1);
  t.ok(future.ends[0] && !isGone(future.ends[0]));
}

for (const [name, connect] of Object.entries(TRANSPORTS)) {
  t.test(`${name} transport`, async (t) => {
    const api = await TestServer.start(t);
    const client = connect(api);
    await t.test("reads and writes", (t) => readsAndWrites(t, client));
    await t.test("lists", (t) => lists(t, client));
    await t.test("subresources", (t) => subresources(t, client));
    await t.test("watches", (t) => watches(t, client));
  });

  t.test(`${name} transport: a watch ends with the server`, async (t) => {
    const api = await TestServer.start(t);
    const watch = follow(connect(api), "0");
    await eventually(() => (watch.seen.length > 0 ? true : undefined), "the first events");
    await api.server.stop();
    await eventually(() => (watch.ends.length > 0 ? true : undefined), "the end");
    t.equal(watch.ends.length, 1);
  });
}

t.test("rest: what is not there, not ours, or silent", async (t) => {
  const api = await TestServer.start(t);
  const { pki } = api.server;
  const options = { ca: pki.authority.certificate, ...pki.admin, userAgent: "t" };
  const closed = new RestClient({ ...options, server: "https://127.0.0.1:1" });
  await t.rejects(closed.get(pods, "x", "default"), { message: /GET https:\/\/127\.0\.0\.1:1\/api.*ECONNREFUSED/ });
  const stranger = new RestClient({
    ...options,
    ca: pki.kubeletClient.certificate,
    server: `https://127.0.0.1:${api.server.port}`,
  });
  await t.rejects(stranger.get(pods, "x", "default"), /certificate|issuer/);

  const { certificate, key } = pki.serving;
  const server = createServer({ cert: certificate, key }, (request, response) => {
    if (!request.url?.includes("watch=true")) return; // never answers
    response.writeHead(200, { "Berth-Bookmark-Interval": "1" });
    response.write('{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"5"}}}\n{"type":"ADD');
  });
  t.teardown(() => server.close() && server.closeAllConnections());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const there = { ...options, server: `https://127.0.0.1:${(server.address() as AddressInfo).port}` };
  const hasty = new RestClient({ ...there, timeout: 300 });
  await t.rejects(hasty.get(pods, "x", "default"), /timeout/);
  const watch = follow(new RestClient(there), "1");
  await eventually(() => (watch.ends.length > 0 ? true : undefined), "the watch dropped");
  t.match(watch.ends[0]?.message, /silent for 2 s/);
  t.equal(watch.seen.length, 1);
});
