/** What only the embedded store can promise: acknowledged commits survive SIGKILL, the file stays bounded, one owner. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import { startCompactor } from "#storage/compactor.js";
import { openLmdb } from "#storage/lmdb.js";
import { temporaryDirectory } from "#test/temporary-directory.js";

const writer = new URL("./lmdb-writer.js", import.meta.url).pathname;

/** Starts a writer and returns what it has acknowledged so far: the revision at each index of its counter. */
function startWriter(directory: string): { child: ChildProcess; acknowledged: Map<number, number> } {
  const child = spawn(process.execPath, [writer, directory], { stdio: ["ignore", "pipe", "inherit"] });
  const acknowledged = new Map<number, number>();
  let rest = "";
  child.stdout!.on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const [revision, counter] = line.split(" ").map(Number);
      acknowledged.set(revision!, counter!);
    }
  });
  return { child, acknowledged };
}

t.test("every acknowledged commit survives kill -9, and revisions go on without a gap", async (t) => {
  const directory = temporaryDirectory("berth-kill-");
  let known = 0;
  for (let round = 0; round < 4; round++) {
    const { child, acknowledged } = startWriter(directory);
    await once(child.stdout!, "data");
    await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 150));
    child.kill("SIGKILL");
    await once(child, "close");
    const backend = openLmdb(directory);
    const revision = await backend.currentRevision();
    const newest = Math.max(...acknowledged.keys());
    t.ok(newest > known, "the writer got on");
    t.ok(revision >= newest, `revision ${revision} is not below the acknowledged ${newest}`);
    const { items } = await backend.list({ prefix: "/n/" });
    t.equal(items.length, revision, "each revision's record is there");
    const stored = new Map(items.map((item) => [item.revision, Number(item.value.subarray(0, 8).toString())]));
    for (const [at, counter] of acknowledged) if (stored.get(at) !== counter) t.fail(`revision ${at} is lost`);
    known = revision;
    await backend.close();
  }
});

t.test("a second process is refused, and a killed owner leaves no lock behind", async (t) => {
  const directory = temporaryDirectory("berth-lock-");
  const { child } = startWriter(directory);
  await once(child.stdout!, "data");
  t.throws(() => openLmdb(directory), new RegExp(`in use by process ${child.pid}`));
  child.kill("SIGKILL");
  await once(child, "close");
  const backend = openLmdb(directory);
  t.throws(() => openLmdb(directory), /already open in this process/);
  await backend.close();
  t.equal(statSync(directory).mode & 0o777, 0o700);
  for (const file of readdirSync(directory)) t.equal(statSync(join(directory, file)).mode & 0o777, 0o600);
});

t.test("with periodic compaction the file stops growing under sustained overwriting", async (t) => {
  const directory = temporaryDirectory("berth-bound-");
  const backend = openLmdb(directory);
  t.teardown(() => backend.close());
  let now = 0;
  const onError = (error: Error) => t.fail(error.message);
  const compactor = startCompactor(backend, { intervalMs: 300_000, now: () => now, onError });
  t.teardown(() => compactor.stop());
  const sizes: number[] = [];
  for (let round = 0; round < 12; round++) {
    const writes = Array.from({ length: 1000 }, (_, i) => ({ key: `/k/${i % 50}`, value: Buffer.alloc(1000, round) }));
    for (let i = 0; i < writes.length; i += 100) {
      await Promise.all(writes.slice(i, i + 100).map((w) => backend.commit([], [{ type: "put", ...w }])));
    }
    now += 300_000;
    await compactor.tick();
    sizes.push(statSync(join(directory, "data.mdb")).size);
  }
  t.ok(sizes[11]! <= sizes[5]! * 1.1, `the file has stopped growing: ${sizes.join(" ")}`);
  t.ok(sizes[11]! < 16_000_000, "and it is small beside the 12 MB written");
});
