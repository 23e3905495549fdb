import t from "tap";
import { ResourceApi } from "#test/fixtures/resource-api.js";

async function withConfigMaps(t: Parameters<typeof ResourceApi.open>[0], names: readonly string[]) {
  const api = await ResourceApi.open(t);
  for (const name of names) {
    const body = { metadata: { name, labels: { app: name.slice(0, 1) } }, data: { name } };
    await api.ok("create", "configmaps", { namespace: name.length > 2 ? "other" : "default", body });
  }
  return api;
}

const names = (list: { items: { metadata: { name: string } }[] }) => list.items.map((item) => item.metadata.name);

t.test("lists are sorted, scoped by namespace and filtered by selectors", async (t) => {
  const api = await withConfigMaps(t, ["b1", "a1", "a2", "c1x"]);
  const list = (query: string, namespace?: string) => api.ok("list", "configmaps", { query, namespace });
  const all = await list("");
  t.match(all, { kind: "ConfigMapList", apiVersion: "v1" });
  t.equal(all.metadata.resourceVersion, String(await api.backend.currentRevision()));
  t.same(names(all), ["a1", "a2", "b1", "c1x"]);
  t.same(names(await list("", "default")), ["a1", "a2", "b1"]);
  t.same(names(await list("", "empty")), []);
  t.same(names(await list("labelSelector=app%3Da")), ["a1", "a2"]);
  t.same(names(await list("labelSelector=app%20notin%20(a,b)")), ["c1x"]);
  t.same(names(await list("fieldSelector=metadata.name%3Da2", "default")), ["a2"]);
  t.same(names(await list("fieldSelector=metadata.name%3Da2")), ["a2"]);
  t.same(names(await list("fieldSelector=metadata.namespace!%3Ddefault")), ["c1x"]);
  const unknown = await api.call("list", "configmaps", { query: "fieldSelector=data.x%3D1" });
  t.equal(unknown.status, 400);
  t.match(unknown.body.message, /"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"/);
  const pods = await api.call("list", "pods", { query: "fieldSelector=spec.foo%3D1" });
  t.match(pods.body.message, /field label not supported: spec.foo/);
  t.equal((await api.call("list", "configmaps", { query: "labelSelector=a%3D%3D%3Db" })).status, 400);
});

t.test("pages are of one snapshot, also when the objects change in between", async (t) => {
  const api = await withConfigMaps(t, ["a1", "a2", "b1", "b2", "c1"]);
  const page = (query: string) => api.ok("list", "configmaps", { namespace: "default", query });
  const first = await page("limit=2");
  t.same(names(first), ["a1", "a2"]);
  t.equal(first.metadata.remainingItemCount, 3);
  await api.ok("delete", "configmaps", { namespace: "default", name: "b1" });
  await api.ok("create", "configmaps", { namespace: "default", body: { metadata: { name: "b0" } } });
  const second = await page(`limit=2&continue=${first.metadata.continue}`);
  t.same(names(second), ["b1", "b2"], "the deleted is still there, the new one not yet");
  t.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
  t.equal(second.metadata.remainingItemCount, 1);
  const third = await page(`limit=2&continue=${second.metadata.continue}`);
  t.same(names(third), ["c1"]);
  t.equal(third.metadata.continue, undefined);
  const filtered = await page("limit=1&labelSelector=app%3Da");
  t.same(names(filtered), ["a1"]);
  t.equal(filtered.metadata.remainingItemCount, undefined, "not counted under a selector");
  t.same(names(await page(`limit=5&labelSelector=app%3Da&continue=${filtered.metadata.continue}`)), ["a2"]);
});

t.test("an expired page is 410 with a token to go on without consistency", async (t) => {
  const api = await withConfigMaps(t, ["a1", "a2", "b1"]);
  const list = (query: string) => api.call("list", "configmaps", { namespace: "default", query });
  const first = (await list("limit=1")).body;
  await api.ok("delete", "configmaps", { namespace: "default", name: "a2" });
  await api.ok("delete", "configmaps", { namespace: "default", name: "a1" });
  await api.backend.compact(await api.backend.currentRevision());
  const expired = await list(`limit=1&continue=${first.metadata.continue}`);
  t.match(expired, {
    status: 410,
    body: { reason: "Expired", message: /^The provided continue parameter is too old/ },
  });
  t.same(names((await list(`limit=1&continue=${expired.body.metadata.continue}`)).body), ["b1"]);
  const exact = await list(`resourceVersionMatch=Exact&resourceVersion=${first.metadata.resourceVersion}`);
  t.match(exact, { status: 410, body: { message: "The resourceVersion for the provided list is too old." } });
  t.equal((await list("continue=garbage")).status, 400);
});

t.test("resourceVersion: any, not older than, exact, and from the future", async (t) => {
  const api = await withConfigMaps(t, ["a1", "a2"]);
  const revision = await api.backend.currentRevision();
  await api.ok("delete", "configmaps", { namespace: "default", name: "a1" });
  const list = (query: string) => api.call("list", "configmaps", { query });
  const listed = async (query: string) => names((await list(query)).body);
  t.same(await listed("resourceVersion=0"), ["a2"]);
  t.same(await listed(`resourceVersion=${revision}`), ["a2"]);
  t.same(await listed(`resourceVersion=${revision}&resourceVersionMatch=NotOlderThan`), ["a2"]);
  t.same(await listed(`resourceVersion=${revision}&resourceVersionMatch=Exact`), ["a1", "a2"]);
  t.same(await listed(`resourceVersion=${revision}&limit=5`), ["a1", "a2"], "a limit makes it exact");
  const future = await list("resourceVersion=999999");
  t.match(future, {
    status: 504,
    body: { reason: "Timeout", details: { causes: [{ reason: "ResourceVersionTooLarge" }], retryAfterSeconds: 1 } },
  });
  t.equal(
    (await api.call("get", "configmaps", { namespace: "default", name: "a2", query: "resourceVersion=999" })).status,
    504,
  );
  t.match(await list("resourceVersionMatch=Exact"), {
    status: 422,
    body: { message: /resourceVersionMatch is forbidden unless resourceVersion is provided/ },
  });
  t.equal((await list("resourceVersion=0&resourceVersionMatch=Exact")).status, 422);
  t.equal((await list("sendInitialEvents=true")).status, 422);
});
