import t from "tap";
import { callUnless } from "#agent/runtime/docker/engine.js";
import { inTime } from "#agent/runtime/docker/patience.js";
import { RuntimeError } from "#agent/runtime/runtime.js";

t.test("an answer in time is passed on, a failure too", async (t) => {
  t.equal(await inTime(async () => 1, 1_000), 1);
  await t.rejects(
    inTime(() => Promise.reject(new Error("no"))),
    { message: "no" },
  );
});

t.test("no answer is an error that may be tried again, never success", async (t) => {
  const never = () => new Promise<void>(() => undefined);
  const wanted = new RuntimeError("the Docker engine has not answered for 0.02 s");
  await t.rejects(inTime(never, 20), wanted);
  await t.rejects(callUnless([304, 404], never, 20), { code: 0, message: /has not answered/ });
});
