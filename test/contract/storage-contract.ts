/** The behaviour every storage backend must show. A backend's test is a call of this with a factory. */
import t, { type Test } from "tap";
import {
  type Backend,
  type ChangeEvent,
  CompactedError,
  CompareFailedError,
  FutureRevisionError,
  type Operation,
} from "#storage/backend.js";
import { until } from "#test/until.js";

/** @param open a new, empty backend each time */
export function storageContract(name: string, open: () => Promise<Backend>): void {
  t.test(`${name} keeps the storage contract`, async (t) => {
    const scenario = (title: string, run: (t: Test, backend: Backend) => Promise<void>) =>
      t.test(title, async (t) => {
        const backend = await open();
        t.teardown(() => backend.close());
        await run(t, backend);
      });
    await scenario("revisions rise by one and a key carries its last writer's", revisions);
    await scenario("a commit with a failed compare changes nothing and tells the current record", compareFails);
    await scenario("of many commits on one revision exactly one wins", contention);
    await scenario("one commit applies all its operations at one revision", atomic);
    await scenario("lists are in key order, paged, and consistent at a revision", listing);
    await scenario("a watch replays and follows without gap or repeat", watching);
    await scenario("progress reaches watchers of other prefixes", progress);
    await scenario("compaction forgets history and keeps living records", compaction);
    await scenario("a compacted store goes on being listed, watched and compacted", compactTwice);
  });
}

async function rejects(t: Test, promise: Promise<unknown>, type: new (...args: never[]) => Error) {
  const error = await promise.catch((e: unknown) => e);
  t.ok(error instanceof type, `rejects with a ${type.name}`);
}

/** An open watch ends with an error when its store closes; any other error is a failure. */
const unlessClosed = (t: Test) => (error: Error) => {
  if (!/closed/.test(error.message)) t.fail(error.message);
};

const put = (key: string, value: string): Operation => ({ type: "put", key, value: Buffer.from(value) });
const remove = (key: string): Operation => ({ type: "delete", key });
const texts = (items: readonly { key: string; value: Buffer }[]) => items.map((i) => `${i.key}=${i.value}`);
const describe = (e: ChangeEvent) =>
  `${e.revision} ${e.type} ${e.key} ${e.previous ?? "-"}>${e.type === "put" ? e.value : "-"}`;

async function revisions(t: Test, backend: Backend) {
  t.equal(await backend.currentRevision(), 0);
  t.equal(await backend.commit([], [put("/a", "1")]), 1);
  t.equal(await backend.commit([], [put("/b", "1")]), 2);
  t.equal(await backend.commit([], [put("/a", "2")]), 3);
  t.match(await backend.get("/a"), { key: "/a", revision: 3 });
  t.equal((await backend.get("/a"))?.value.toString(), "2");
  t.equal(await backend.commit([], [remove("/a")]), 4);
  t.equal(await backend.get("/a"), undefined);
  t.equal(await backend.currentRevision(), 4);
}

async function compareFails(t: Test, backend: Backend) {
  await backend.commit([], [put("/a", "1")]);
  const error = await backend
    .commit(
      [
        { key: "/b", revision: 0 },
        { key: "/a", revision: 7 },
      ],
      [put("/a", "x"), put("/b", "x")],
    )
    .catch((e: unknown) => e);
  t.ok(error instanceof CompareFailedError);
  t.match(error, { key: "/a", current: { revision: 1 } });
  t.equal(await backend.currentRevision(), 1);
  t.equal(await backend.get("/b"), undefined);
  await rejects(t, backend.commit([{ key: "/a", revision: 0 }], [put("/a", "x")]), CompareFailedError);
  t.equal(await backend.commit([{ key: "/a", revision: 1 }], [put("/a", "2")]), 2);
}

async function contention(t: Test, backend: Backend) {
  for (let round = 0; round < 5; round++) {
    const revision = (await backend.get("/a"))?.revision ?? 0;
    const tries = Array.from({ length: 20 }, (_, i) => backend.commit([{ key: "/a", revision }], [put("/a", `${i}`)]));
    const results = await Promise.allSettled(tries);
    t.equal(results.filter((r) => r.status === "fulfilled").length, 1);
    for (const result of results) {
      if (result.status === "rejected") t.equal(result.reason.current.revision, round + 1, "losers see the winner");
    }
  }
}

async function atomic(t: Test, backend: Backend) {
  await backend.commit([], [put("/old", "1")]);
  const revision = await backend.commit([], [put("/a", "1"), put("/b", "2"), remove("/old"), put("/b", "3")]);
  const { items } = await backend.list({ prefix: "/" });
  t.same(texts(items), ["/a=1", "/b=3"]);
  t.ok(items.every((item) => item.revision === revision));
}

async function listing(t: Test, backend: Backend) {
  for (const name of ["c", "a", "b", "d"]) await backend.commit([], [put(`/x/${name}`, name)]);
  await backend.commit([], [put("/xy", "other")]);
  const first = await backend.list({ prefix: "/x/", limit: 3 });
  t.same(texts(first.items), ["/x/a=a", "/x/b=b", "/x/c=c"]);
  t.match(first, { revision: 5, more: true, remaining: 1 });
  await backend.commit([], [put("/x/bb", "new"), remove("/x/d")]);
  await backend.commit([], [put("/x/d", "again"), put("/x/a", "2")]);
  const rest = await backend.list({ prefix: "/x/", start: "/x/c\0", revision: 5 });
  t.same(texts(rest.items), ["/x/d=d"]);
  t.match(rest, { revision: 5, more: false, remaining: 0 });
  t.same(texts((await backend.list({ prefix: "/x/", revision: 6 })).items), [
    "/x/a=a",
    "/x/b=b",
    "/x/bb=new",
    "/x/c=c",
  ]);
  t.same(texts((await backend.list({ prefix: "/x/" })).items), [
    "/x/a=2",
    "/x/b=b",
    "/x/bb=new",
    "/x/c=c",
    "/x/d=again",
  ]);
  await rejects(t, backend.list({ prefix: "/x/", revision: 99 }), FutureRevisionError);
}

async function watching(t: Test, backend: Backend) {
  await backend.commit([], [put("/w/a", "1")]);
  await backend.commit([], [put("/w/a", "2"), put("/v/a", "1")]);
  await backend.commit([], [remove("/w/a")]);
  const seen: ChangeEvent[] = [];
  const watch = await backend.watch("/w/", 1, {
    onEvents: (events) => seen.push(...events),
    onError: unlessClosed(t),
  });
  const late: ChangeEvent[] = [];
  for (let i = 0; i < 50; i++) {
    void backend.commit([], [put(`/w/${i}`, "x")]);
    if (i === 25) {
      const from = await backend.currentRevision();
      await backend.watch("/w/", from, { onEvents: (events) => late.push(...events), onError: unlessClosed(t) });
      t.ok(from < 53, "the second watch begins in the middle");
    }
  }
  await until(() => seen.at(-1)?.revision === 53 && late.at(-1)?.revision === 53);
  t.same(seen.slice(0, 3).map(describe), ["2 put /w/a 1>2", "3 delete /w/a 2>-", "4 put /w/0 ->x"]);
  t.same(
    seen.map((e) => e.revision),
    Array.from({ length: 52 }, (_, i) => i + 2),
  );
  t.same(
    late.map((e) => e.revision),
    Array.from({ length: late.length }, (_, i) => 54 - late.length + i),
  );
  watch.close();
  await backend.commit([], [put("/w/z", "x")]);
  await until(() => late.at(-1)?.revision === 54);
  t.equal(seen.at(-1)?.revision, 53, "a closed watch is silent");
}

async function progress(t: Test, backend: Backend) {
  let reached = 0;
  await backend.watch("/none/", 0, {
    onEvents: () => t.fail("no event concerns this prefix"),
    onProgress: (revision) => {
      reached = revision;
    },
    onError: unlessClosed(t),
  });
  await backend.commit([], [put("/a", "1")]);
  await until(() => reached === 1);
  await backend.commit([], [put("/a", "2")]);
  await until(() => reached === 2);
}

async function compaction(t: Test, backend: Backend) {
  await backend.commit([], [put("/a", "1")]);
  await backend.commit([], [put("/b", "1")]);
  await backend.commit([], [put("/a", "2")]);
  await backend.commit([], [remove("/b")]);
  await backend.commit([], [put("/a", "3")]);
  await backend.compact(4);
  t.same(texts((await backend.list({ prefix: "/", revision: 4 })).items), ["/a=2"]);
  t.same(texts((await backend.list({ prefix: "/" })).items), ["/a=3"]);
  await rejects(t, backend.list({ prefix: "/", revision: 3 }), CompactedError);
  await rejects(t, backend.watch("/", 3, { onEvents: () => undefined, onError: () => undefined }), CompactedError);
  const seen: ChangeEvent[] = [];
  await backend.watch("/", 4, { onEvents: (events) => seen.push(...events), onError: unlessClosed(t) });
  await until(() => seen.length > 0);
  t.same(seen.map(describe), ["5 put /a 2>3"]);
  await backend.compact(2);
  t.equal(await backend.currentRevision(), 5);
}

async function compactTwice(t: Test, backend: Backend) {
  for (let round = 1; round <= 3; round++) {
    for (let i = 0; i < 30; i++) void backend.commit([], [put(`/k/${i % 3}`, `${round}.${i}`), remove("/k/gone")]);
    await backend.commit([], [put("/k/gone", "1")]);
    await backend.compact(await backend.currentRevision());
  }
  t.same(texts((await backend.list({ prefix: "/k/" })).items), ["/k/0=3.27", "/k/1=3.28", "/k/2=3.29", "/k/gone=1"]);
}
