import t from "tap";
import { CompactedError } from "#storage/backend.js";
import { startCompactor } from "#storage/compactor.js";
import { openLmdb } from "#storage/lmdb.js";
import { memoryDirectory } from "#test/temporary-directory.js";

t.test("history lives for one to two intervals, also when no server lives that long", async (t) => {
  const backend = openLmdb(memoryDirectory("berth-compactor-"));
  t.teardown(() => backend.close());
  let now = 1000;
  const start = async () => {
    const compactor = startCompactor(backend, { intervalMs: 100, now: () => now, onError: (e) => t.fail(e.message) });
    await compactor.tick();
    compactor.stop();
  };
  const write = () => backend.commit([], [{ type: "put", key: "/a", value: Buffer.from(String(now)) }]);
  const isKept = (revision: number) =>
    backend.list({ prefix: "/", revision }).then(
      () => true,
      (error) => {
        if (error instanceof CompactedError) return false;
        throw error;
      },
    );
  const first = await write();
  const second = await write();
  await start();
  now += 60;
  await start();
  t.ok(await isKept(first), "too early");
  now += 60;
  const third = await write();
  await start();
  t.notOk(await isKept(first));
  t.ok(await isKept(second), "where the store stood at the mark");
  now += 99;
  await start();
  t.ok(await isKept(third));
  now += 1;
  await start();
  t.notOk(await isKept(second));
  t.ok(await isKept(third));
});
