import t from "tap";
import type { ClusterChange } from "#controlplane/scheduler/framework.js";
import { SchedulingQueue } from "#controlplane/scheduler/queue.js";
import { FakeClock } from "#test/fixtures/fake-clock.js";
import { makePod } from "#test/fixtures/objects.js";

function setUp() {
  const clock = new FakeClock();
  let ready = 0;
  const queue = new SchedulingQueue({ clock, backoff: { base: 100, max: 10_000 }, onReady: () => ready++ });
  const take = () => queue.take()?.metadata.name;
  return { clock, queue, take, ready: () => ready };
}

const on = (...changes: ClusterChange[]) => new Set(changes);

t.test("higher priority first, then first come", async (t) => {
  const { queue, take } = setUp();
  queue.add(makePod("a"));
  queue.add(makePod("b"));
  queue.add(makePod("vip", { spec: { containers: [], priority: 1000 } }));
  t.same([take(), take(), take(), take()], ["vip", "a", "b", undefined]);
});

t.test("a parked Pod wakes for what may help, after its back-off", async (t) => {
  const { clock, queue, take } = setUp();
  queue.add(makePod("a"));
  take();
  queue.park("uid-a", on("pod-removed"));
  queue.wake("node-changed");
  await clock.advance(1_000);
  t.equal(take(), undefined);
  queue.wake("pod-removed");
  t.equal(take(), "a", "long after the last attempt: at once");
  queue.park("uid-a", on("pod-removed"));
  queue.wake("pod-removed");
  t.equal(take(), undefined);
  t.same(clock.pending(), [200]);
  queue.wake("pod-removed");
  t.same(clock.pending(), [200], "one timer");
  await clock.advance(200);
  t.equal(take(), "a");
});

t.test("a parked Pod is tried again after five minutes; a removed one never", async (t) => {
  const { clock, queue, take, ready } = setUp();
  queue.add(makePod("a"));
  take();
  queue.park("uid-a", on());
  await clock.advance(300_000);
  t.equal(take(), "a");
  t.equal(ready(), 2);
  queue.park("uid-a", on());
  queue.remove("uid-a");
  t.same(clock.pending(), []);
  t.equal(queue.size, 0);
});

t.test("a refused binding backs off; a changed Pod is tried at once", async (t) => {
  const { clock, queue, take } = setUp();
  queue.add(makePod("a"));
  take();
  queue.retry("uid-a");
  t.same(clock.pending(), [100]);
  await clock.advance(100);
  t.equal(take(), "a");
  queue.retry("uid-a");
  t.same(clock.pending(), [200]);
  queue.add(makePod("a"));
  t.same(clock.pending(), []);
  t.equal(take(), "a");
});
