import t from "tap";
import { ContainerKills, type KillOrder } from "#agent/pods/container-kills.js";
import type { PodEnvironment } from "#agent/pods/pod-environment.js";
import type { ContainerState } from "#agent/runtime/runtime.js";
import { FakeClock } from "#test/fixtures/fake-clock.js";

t.test("asking again sends no second signal, asking with less time does", async (t) => {
  const clock = new FakeClock();
  const graces: number[] = [];
  const never = new Promise<void>(() => undefined);
  const runtime = {
    stopContainer(_id: string, grace: number) {
      graces.push(grace);
      return never;
    },
  };
  const kills = new ContainerKills({ clock, runtime } as unknown as PodEnvironment, () => undefined);
  const container = { id: "c1", name: "main" } as ContainerState;
  const ask = (graceSeconds: number) => kills.kill({ container, graceSeconds, message: "", podIP: "" } as KillOrder);
  ask(30);
  t.same(graces, [30]);
  await clock.advance(1000);
  for (const late of [0, 0.0004, 0.02, -0.0004, -0.02, -0.3]) ask(29 + late);
  t.same(graces, [30], "the same deadline, looked at some time before or after the clock was read");
  ask(5);
  t.same(graces, [30, 5]);
  ask(10);
  t.same(graces, [30, 5], "it is never prolonged");
});
