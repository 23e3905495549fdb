import t from "tap";
import { latestOnly } from "#agent/network/latest-only.js";

t.test("asks that come together or meanwhile are one run, and a failed one is tried again", async (t) => {
  let runs = 0;
  let fail = false;
  const errors: string[] = [];
  const work = latestOnly(
    async () => {
      runs++;
      await new Promise((resolve) => setImmediate(resolve));
      if (fail) throw new Error(`run ${runs}`);
    },
    (error) => errors.push(error.message),
    5,
  );
  work.trigger();
  work.trigger();
  await work.idle();
  t.equal(runs, 1);
  work.trigger();
  await Promise.resolve();
  await Promise.resolve();
  work.trigger();
  work.trigger();
  await work.idle();
  t.equal(runs, 3, "one that was running, one after it");
  fail = true;
  work.trigger();
  await work.idle();
  fail = false;
  const keep = setTimeout(() => undefined, 1000);
  while (runs < 5) await new Promise((resolve) => setTimeout(resolve, 1));
  clearTimeout(keep);
  await work.idle();
  t.same(errors, ["run 4"]);
  await work.stop();
  work.trigger();
  t.equal(runs, 5);
});
