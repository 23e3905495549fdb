import t from "tap";
import { removeExpired } from "#apiserver/expiry.js";
import { ResourceStore } from "#apiserver/resource-store.js";
import { findResource } from "#resources/index.js";
import type { Kind } from "#resources/kind.js";
import { ResourceApi } from "#test/fixtures/resource-api.js";
import { until } from "#test/until.js";

t.test("events go an hour after they were seen last", async (t) => {
  const start = Date.parse("2026-01-01T00:00:00Z");
  const api = await ResourceApi.open(t, { now: () => start });
  const event = (name: string, lastTimestamp?: string) => ({
    metadata: { name },
    involvedObject: { kind: "Pod", name: "p", namespace: "default" },
    reason: "Started",
    lastTimestamp,
  });
  const create = (body: object) => api.ok("create", "events", { namespace: "default", body });
  await create(event("old"));
  await create(event("seen", "2026-01-01T00:30:00Z"));
  const kind = findResource("", "v1", "events") as Kind;
  const store = await ResourceStore.open(kind, api.backend);
  t.teardown(() => store.close());
  await removeExpired(store, start + 3_599_000);
  t.equal(store.cache.size, 2);
  await removeExpired(store, start + 3_600_000);
  t.equal(store.cache.size, 1);
  await until(() => api.read(kind, "old", "default") === undefined);
  t.ok(api.read(kind, "seen", "default"));
});
