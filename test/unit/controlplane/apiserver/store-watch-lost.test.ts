import t, { type Test } from "tap";
import type { Backend, Watch, WatchHandler } from "#storage/backend.js";
import { openLmdb } from "#storage/lmdb.js";
import { ResourceApi } from "#test/fixtures/resource-api.js";
import { memoryDirectory } from "#test/temporary-directory.js";
import { until } from "#test/until.js";

const PREFIX = "/registry/configmaps/";
const inDefault = { namespace: "default" };

/** A real store that can end its watches, as one over a network does when it is cut off. */
function breakable() {
  const store = openLmdb(memoryDirectory("berth-breakable-"));
  const open = new Map<WatchHandler, Watch>();
  let refusals = 0;
  const backend: Backend = {
    currentRevision: () => store.currentRevision(),
    get: (key) => store.get(key),
    list: (options) => store.list(options),
    commit: (compares, operations) => store.commit(compares, operations),
    compact: (revision) => store.compact(revision),
    close: () => store.close(),
    async watch(prefix, from, handler) {
      if (prefix === PREFIX && refusals > 0) {
        refusals--;
        throw new Error("the store is away");
      }
      const watch = await store.watch(prefix, from, handler);
      if (prefix === PREFIX) open.set(handler, watch);
      return watch;
    },
  };
  /** @param times how often it lets nobody watch again */
  const cut = (times: number) => {
    refusals = times;
    for (const [handler, watch] of open) {
      watch.close();
      handler.onError(new Error("the store is gone"));
    }
    open.clear();
  };
  return { backend, cut };
}

async function openBreakable(t: Test) {
  const { backend, cut } = breakable();
  const errors: string[] = [];
  const api = await ResourceApi.open(t, { backend, onError: (error) => errors.push(error.message) });
  const create = (name: string) => api.call("create", "configmaps", { ...inDefault, body: { metadata: { name } } });
  const names = async () => {
    const { status, body } = await api.call("list", "configmaps", inDefault);
    return status === 200 ? body.items.map((item: { metadata: { name: string } }) => item.metadata.name) : status;
  };
  return { api, cut, errors, create, names };
}

t.test("reads fail while the store cannot be followed, and are whole again when it can", async (t) => {
  const { api, cut, errors, create, names } = await openBreakable(t);
  await create("before");
  await create("dropped");
  t.doesNotThrow(() => api.handler.check());
  cut(2);
  t.equal(await names(), 500, "what may be old is not given");
  t.throws(() => api.handler.check(), { message: "/configmaps: Error: the store is gone" });
  // Writes reach the store, which is there; that they did cannot be seen.
  t.equal((await create("meanwhile")).status, 500);
  await until(async () => (await names()) !== 500);
  t.same(await names(), ["before", "dropped", "meanwhile"]);
  t.doesNotThrow(() => api.handler.check());
  t.same(errors, ["the store is gone", "the store is away", "the store is away"]);
  await api.ok("delete", "configmaps", { ...inDefault, name: "dropped" });
  t.equal((await create("after")).status, 201);
  t.same(await names(), ["after", "before", "meanwhile"]);
});

t.test("a watch ends then, and one that goes on from where it was misses nothing", async (t) => {
  const { api, cut, create, names } = await openBreakable(t);
  const watch = await api.watch("configmaps", inDefault);
  await create("a");
  await until(() => watch.events.length === 1);
  cut(0);
  t.equal((await create("b")).status, 500);
  await until(() => watch.ended);
  t.same(watch.seen, ["ADDED a"]);
  await until(async () => (await names()) !== 500);
  const { resourceVersion } = watch.events[0]!.object.metadata;
  const next = await api.watch("configmaps", { ...inDefault, query: `resourceVersion=${resourceVersion}` });
  await create("c");
  await until(() => next.events.length === 2);
  t.same(next.seen, ["ADDED b", "ADDED c"]);
});
