import t from "tap";
import { WorkQueue } from "#client/work-queue.js";
import { FakeClock, settle } from "#test/fixtures/fake-clock.js";

function setUp(answer: (key: string) => number | undefined | Promise<number | undefined>, workers = 1) {
  const clock = new FakeClock();
  const done: string[] = [];
  const retries: number[] = [];
  const queue = new WorkQueue({
    clock,
    workers,
    process: async (key) => {
      done.push(key);
      return answer(key);
    },
    onError: (_key, _error, retryIn) => retries.push(retryIn),
  });
  return { clock, done, queue, retries };
}

t.test("a key waits once, and comes round again when added while it runs", async (t) => {
  let release: () => void = () => undefined;
  const { queue, done } = setUp(() => new Promise<undefined>((resolve) => (release = () => resolve(undefined))));
  queue.add("a");
  queue.add("a");
  await settle();
  t.same(done, [], "nothing before start");
  queue.start();
  await settle();
  queue.add("a");
  queue.add("a");
  queue.add("b");
  await settle();
  t.same(done, ["a"], "one worker");
  release();
  await settle();
  release();
  await settle();
  release();
  await settle();
  t.same(done, ["a", "b", "a"]);
});

t.test("workers take different keys at once, never one key twice", async (t) => {
  const running = new Set<string>();
  let most = 0;
  const clock = new FakeClock();
  const queue = new WorkQueue({
    clock,
    workers: 3,
    process: async (key) => {
      if (running.has(key)) throw new Error("twice at once");
      running.add(key);
      most = Math.max(most, running.size);
      await new Promise((resolve) => setImmediate(resolve));
      running.delete(key);
      return undefined;
    },
    onError: (_key, error) => t.fail(String(error)),
  });
  queue.start();
  for (let i = 0; i < 30; i++) queue.add(`k${i % 6}`);
  await settle();
  await settle();
  t.equal(most, 3);
  await queue.stop();
  t.equal(queue.stats().depth, 0);
});

t.test("failures back off per key and are forgotten after success", async (t) => {
  let failing = true;
  const { clock, done, queue, retries } = setUp((key) => {
    if (key === "bad" && failing) throw new Error("no");
    return undefined;
  });
  queue.start();
  queue.add("bad");
  queue.add("good");
  await settle();
  t.same(done, ["bad", "good"]);
  await clock.advance(5);
  await clock.advance(10);
  t.same(retries, [5, 10, 20]);
  failing = false;
  await clock.advance(20);
  t.same(clock.pending(), []);
  failing = true;
  queue.add("bad");
  await settle();
  t.equal(retries.at(-1), 5);
  for (let i = 0; i < 20; i++) await clock.advance(100_000);
  t.equal(Math.max(...retries), 60_000);
});

t.test("of several delays the soonest counts; stop drops them", async (t) => {
  const { clock, done, queue } = setUp(() => undefined);
  queue.start();
  queue.addAfter("a", 1_000);
  queue.addAfter("a", 200);
  queue.addAfter("a", 500);
  t.same(clock.pending(), [200]);
  await clock.advance(200);
  t.same(done, ["a"]);
  queue.addAfter("b", 10);
  await queue.stop();
  queue.add("c");
  await clock.advance(1_000);
  t.same(done, ["a"]);
});

t.test("a returned delay brings the key back", async (t) => {
  const { clock, done, queue } = setUp(() => 3_000);
  queue.start();
  queue.add("a");
  await settle();
  t.same(clock.pending(), [3_000]);
  await clock.advance(3_000);
  t.same(done, ["a", "a"]);
});
