import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import t from "tap";
import { collectable, ImageGarbageCollector } from "#agent/images/image-gc.js";
import { ImageRecords } from "#agent/images/image-records.js";
import { type ImageInfo, RuntimeError } from "#agent/runtime/runtime.js";
import { FakeClock, settle } from "#test/fixtures/fake-clock.js";

const logger = pino({ level: "silent" });
const DIGEST = `sha256:${"a".repeat(64)}`;

function image(id: string, tags: string[] = [`reg.io/${id}:1`], digests = [`reg.io/${id}@${DIGEST}`]): ImageInfo {
  return { id, tags, digests, size: 10, user: "" };
}

const record = (names: string[], lastUsed: number, pulledAt = 0) => ({ names, pulledAt, lastUsed });

t.test("what may be collected, and in which order", async (t) => {
  const records = new Map([
    ["new", record(["reg.io/new:1"], 50)],
    ["old", record(["reg.io/old:1"], 10)],
    ["older", record(["reg.io/older:1"], 10, -5)],
    ["used", record(["reg.io/used:1"], 1)],
    ["young", record(["reg.io/young:1"], 1, 1000)],
    ["tagged", record(["reg.io/tagged:1"], 1)],
    ["elsewhere", record(["reg.io/elsewhere:1"], 1)],
    ["hub", record(["docker.io/library/hub:latest"], 60)],
    ["dangling", record(["reg.io/dangling:1"], 70)],
  ]);
  const images = [
    image("new"),
    image("old"),
    image("older"),
    image("used"),
    image("young"),
    image("tagged", ["reg.io/tagged:1", "mine:latest"]),
    image("elsewhere", ["reg.io/elsewhere:1"], [`other.io/elsewhere@${DIGEST}`]),
    image("hub", ["hub:latest"], [`hub@${DIGEST}`]),
    image("dangling", []),
    image("built", ["built:latest"], []),
  ];
  t.same(
    collectable(images, new Set(["used"]), records, 500).map(({ id }) => id),
    ["older", "old", "new", "hub", "dangling"],
  );
});

/** An engine whose images take ten bytes each of a hundred; `other` bytes are somebody else's. */
function fixture(folder: string, ids: string[], other: number) {
  const clock = new FakeClock();
  const images = new Map(ids.map((id) => [id, image(id)]));
  const records = new ImageRecords(join(folder, "images.json"), logger);
  const used = new Set<string>();
  const said: string[] = [];
  const removed: string[] = [];
  const refused = new Map<string, Error>();
  const space = { capacity: 100, other };
  const options = {
    runtime: {
      listImages: async () => [...images.values()],
      imagesInUse: async () => used,
      removeImage: async (name: string) => {
        const found = [...images.values()].find(({ tags }) => tags.includes(name));
        if (!found) return;
        const refusal = refused.get(found.id);
        if (refusal) throw refusal;
        removed.push(found.id);
        images.delete(found.id);
      },
    },
    records,
    disk: async () => ({ capacity: space.capacity, available: space.capacity - space.other - images.size * 10 }),
    wanted: () => new Set<string>(),
    say: (_type: string, reason: string, message: string) => void said.push(`${reason}: ${message}`),
    clock,
    logger,
  };
  ids.forEach((id, i) => {
    records.pulled(id, `reg.io/${id}:1`, undefined, clock.now() + i);
  });
  return { clock, images, records, used, said, removed, refused, space, options };
}

t.test("frees from the high threshold down to the low one, no further", async (t) => {
  const { options, removed, clock, said, space } = fixture(t.testdir({}), ["a", "b", "c"], 54);
  const collector = new ImageGarbageCollector(options);
  await clock.advance(300_000);
  await collector.collect();
  t.same(removed, [], "84 percent");
  space.other = 55;
  await collector.collect();
  t.same(removed, ["a"], "85 percent: the one unused for longest");
  t.same(said, []);
});

t.test("leaves young images, used ones and all when told to; says when it finds too little", async (t) => {
  const { options, removed, clock, said, used, records } = fixture(t.testdir({}), ["a", "b"], 75);
  const collector = new ImageGarbageCollector(options);
  await clock.advance(60_000);
  await t.rejects(collector.collect(), /Attempted to free 15 bytes, but only found 0 bytes eligible to free\.$/);
  t.same(said.length, 1);
  t.match(said[0], /^FreeDiskSpaceFailed: Failed to garbage collect required amount of images\. Attempted to free 15/);
  await clock.advance(120_000);
  used.add("a");
  await t.rejects(collector.collect(), /only found 10 bytes eligible/);
  t.same(removed, ["b"]);
  t.equal(records.get("a")?.lastUsed, clock.now(), "what is used is noted");
  const never = { highThreshold: 100, lowThreshold: 80, minimumAge: 0 };
  used.clear();
  await new ImageGarbageCollector({ ...options, policy: never }).collect();
  t.same(removed, ["b"]);
  t.equal(records.get("b"), undefined, "what is gone is forgotten");
});

t.test("an image that is used after all is passed over; another refusal does not end the collecting", async (t) => {
  const { options, removed, clock, said, refused } = fixture(t.testdir({}), ["a", "b", "c"], 60);
  refused.set("a", new RuntimeError("conflict: unable to remove", 409));
  refused.set("b", new RuntimeError("disk on fire", 500));
  const collector = new ImageGarbageCollector({ ...options, period: 300_000 });
  collector.start();
  await clock.advance(300_000);
  await settle();
  t.same(removed, ["c"], "goes on past errors");
  t.same(said, [], "once is no reason");
  await clock.advance(300_000);
  await settle();
  await collector.stop();
  t.same(said, [], "eighty percent now: enough");
});

t.test("repeated failures become an Event; a disk without a size is one", async (t) => {
  const { options, clock, said, space } = fixture(t.testdir({}), [], 0);
  space.capacity = 0;
  const collector = new ImageGarbageCollector(options);
  collector.start();
  for (let i = 0; i < 2; i++) {
    await clock.advance(300_000);
    await settle();
  }
  await collector.stop();
  const words = "invalid capacity 0 on image filesystem";
  t.same(said, [`InvalidDiskCapacity: ${words}`, `InvalidDiskCapacity: ${words}`, `ImageGCFailed: ${words}`]);
});

t.test("who may use an image that wanted a credential", async (t) => {
  const path = join(t.testdir({}), "images.json");
  const records = new ImageRecords(path, logger);
  const auth = (password: string) => ({ username: "me", password, serverAddress: "reg.io" });
  t.notOk(records.isGuarded("a"), "nothing is known of it");
  records.pulled("a", "reg.io/a:1", auth("hunter2"), 5);
  records.pulled("a", "reg.io/a:1", auth("hunter3"), 6);
  t.notMatch(readFileSync(path, "utf8"), /hunter/);
  const again = new ImageRecords(path, logger);
  t.ok(again.isGuarded("a"));
  t.same(
    ["hunter2", "hunter3", "hunter4"].map((password) => again.opens("a", auth(password))),
    [true, true, false],
  );
  again.pulled("a", "reg.io/a:1", undefined, 7);
  t.notOk(again.isGuarded("a"), "it is open now");
  again.pulled("a", "reg.io/a:1", auth("hunter2"), 8);
  t.notOk(again.isGuarded("a"), "and stays so");
});

t.test("records survive a restart, and damage", async (t) => {
  const path = join(t.testdir({}), "images.json");
  const records = new ImageRecords(path, logger);
  records.pulled("a", "nginx", undefined, 5);
  records.pulled("a", "nginx:1", undefined, 6);
  records.used("a", 9);
  records.used("unknown", 9);
  records.save();
  t.same(new ImageRecords(path, logger).get("a"), {
    names: ["docker.io/library/nginx:latest", "docker.io/library/nginx:1"],
    pulledAt: 5,
    lastUsed: 9,
  });
  records.keepOnly(new Set(), 9);
  t.ok(records.get("a"), "used since the engine was asked");
  records.keepOnly(new Set(), 10);
  records.save();
  t.equal(readFileSync(path, "utf8"), "{}");
  writeFileSync(path, "{");
  t.equal(new ImageRecords(path, logger).get("a"), undefined);
});
