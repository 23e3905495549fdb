import t from "tap";
import { DEFAULT_RESTART_BACKOFF as backoff, nextStart, RESTART_DELAY_LABEL } from "#agent/pods/restart-backoff.js";
import { endedOf, NOW } from "#test/fixtures/pod-objects.js";

const after = (previous: number | undefined, ranMs: number) =>
  nextStart(
    endedOf("main", 1, {
      startedAt: NOW - ranMs,
      labels: previous === undefined ? {} : { [RESTART_DELAY_LABEL]: String(previous) },
    }),
    backoff,
    NOW,
  );

t.test("at once, then 10 s doubling to five minutes, all from the container's own label", async (t) => {
  t.same(after(undefined, 100), { delay: 0, at: NOW });
  const delays = [0];
  while (delays.length < 9) delays.push(after((delays.at(-1) ?? 0) * 1000, 100).delay / 1000);
  t.same(delays, [0, 10, 20, 40, 80, 160, 300, 300, 300]);
  t.equal(after(300_000, 100).at, NOW + 300_000);
});

t.test("a run of ten minutes begins anew", async (t) => {
  t.equal(after(160_000, 599_000).delay, 300_000);
  t.equal(after(160_000, 600_000).delay, 0);
});

t.test("a start that failed counts from its creation", async (t) => {
  const failed = endedOf("main", 127, { state: "created", error: "no such file", startedAt: 0, finishedAt: 0 });
  const again = { ...failed, labels: { [RESTART_DELAY_LABEL]: "0" } };
  t.equal(nextStart(again, backoff, NOW).at, failed.createdAt + 10_000);
});

t.test("a clock that was set back by hours makes nobody wait for hours", async (t) => {
  const ended = endedOf("main", 1, { labels: { [RESTART_DELAY_LABEL]: "10000" } });
  const later = NOW - 3 * 3_600_000;
  t.same(nextStart(ended, backoff, later), { delay: 20_000, at: later });
});
