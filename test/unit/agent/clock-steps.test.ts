/** The time of day is set forward and back by hours: nothing waits for hours, runs wild, or loses its grace. */
import { pino } from "pino";
import t from "tap";
import { ContainerKills } from "#agent/pods/container-kills.js";
import { Looper } from "#agent/pods/looper.js";
import type { PodEnvironment } from "#agent/pods/pod-environment.js";
import { ProbeWorker } from "#agent/probes/probe-worker.js";
import type { ExecResult } from "#agent/runtime/runtime.js";
import { ConfigSource } from "#agent/volumes/config-source.js";
import { ServiceAccountTokens } from "#agent/volumes/service-account-tokens.js";
import type { Pod } from "#api/generated/types.js";
import type { Client } from "#client/client.js";
import { EventCorrelator } from "#client/event-correlator.js";
import { WorkQueue } from "#client/work-queue.js";
import { nodeLifecycleController } from "#controlplane/controllers/node-lifecycle.js";
import { taintEvictionController } from "#controlplane/controllers/taint-eviction.js";
import { FakeClock } from "#test/fixtures/fake-clock.js";
import { podOf, stateOf } from "#test/fixtures/pod-objects.js";

const HOURS = 3 * 3_600_000;
const fail = (error: unknown) => {
  throw error;
};

for (const step of [HOURS, -HOURS]) {
  const words = step > 0 ? "forward" : "back";

  t.test(`set ${words}: a Pod's worker comes round when it wanted to`, async (t) => {
    const clock = new FakeClock();
    let runs = 0;
    const looper = new Looper(clock, async () => void runs++, fail);
    looper.wakeAt(clock.now() + 300_000);
    clock.step(step);
    looper.wakeAfter(500);
    await clock.advance(500);
    t.equal(runs, 1, "the sooner one counts");
    looper.wakeAt(clock.now() + 1_000);
    await clock.advance(1_000);
    t.equal(runs, 2);
    await looper.stop();
  });

  t.test(`set ${words}: a container under way keeps its grace, no more and no less`, async (t) => {
    const clock = new FakeClock();
    const graces: number[] = [];
    const runtime = { stopContainer: async (_id: string, grace: number) => void graces.push(Math.round(grace)) };
    let endHook: (result: ExecResult) => void = fail;
    const hook = new Promise<ExecResult>((resolve) => (endHook = resolve));
    const env = { clock, runtime: { ...runtime, execSync: () => hook }, events: { container: () => undefined } };
    const kills = new ContainerKills(env as unknown as PodEnvironment, () => undefined);
    const container = stateOf("main");
    const spec = { name: "main", lifecycle: { preStop: { exec: { command: ["x"] } } } };
    kills.kill({ container, pod: podOf(), spec, graceSeconds: 30, message: "", podIP: "" });
    clock.step(step);
    await clock.advance(10_000);
    endHook({ exitCode: 0, stdout: "", stderr: "" });
    await clock.advance(0);
    t.same(graces, [20], "what the hook has left of it");
    kills.kill({ container, graceSeconds: 5, message: "", podIP: "" });
    t.same(graces, [20, 5], "a shorter one counts at once");
  });

  t.test(`set ${words}: probes go on period after period`, async (t) => {
    const clock = new FakeClock();
    let runs = 0;
    const started = clock.now();
    clock.step(step);
    const worker = new ProbeWorker({
      ...{ kind: "readiness", clock, startedAt: started, jitter: 0 },
      probe: { initialDelaySeconds: 5, periodSeconds: 2 },
      run: async () => {
        runs++;
        return { outcome: "success", message: "" };
      },
      onVerdict: () => undefined,
      onFailure: fail,
    });
    worker.start();
    await clock.advance(5_000);
    t.ok(runs >= 1, "the first not later than its delay from now");
    const before = runs;
    clock.step(-step);
    await clock.advance(10_000);
    t.equal(runs - before, 5);
    worker.stop();
  });

  t.test(`set ${words}: queues, Events and reads of ConfigMaps`, async (t) => {
    const clock = new FakeClock();
    const seen: string[] = [];
    const queue = new WorkQueue({ clock, process: async (key) => void seen.push(key) });
    queue.start();
    queue.addAfter("a", 60_000);
    clock.step(step);
    queue.addAfter("a", 1_000);
    await clock.advance(1_000);
    t.same(seen, ["a"]);
    await queue.stop();
    const correlator = new EventCorrelator(clock);
    const admit = () => correlator.admit({ kind: "Pod", name: "a" }, "Normal", "R", "m");
    for (let i = 0; i < 25; i++) admit();
    clock.step(step);
    t.notOk(admit(), "no sudden allowance");
    await clock.advance(300_000);
    t.ok(admit(), "and none that never comes");
    let reads = 0;
    const client = { get: async () => ({ reads: ++reads }) } as unknown as Client;
    const source = new ConfigSource(client, () => clock.monotonic());
    await source.configMap("default", "a");
    clock.step(step);
    await clock.advance(1_000);
    await source.configMap("default", "a");
    t.equal(reads, 2, "what was read is fresh for as long as before");
  });

  t.test(`set ${words}: a token is renewed in time, and once`, async (t) => {
    const clock = new FakeClock();
    let asked = 0;
    const client = { createSubresource: async () => ({ status: { token: `t${++asked}` } }) } as unknown as Client;
    const tokens = new ServiceAccountTokens(client, clock);
    const ask = () => tokens.tokenFor(podOf() as Pod, { path: "token", expirationSeconds: 3600 });
    await ask();
    clock.step(step);
    await ask();
    await ask();
    t.equal(asked, step > 0 ? 2 : 1, "at most once for the step itself");
    await clock.advance(3_600_000 * 0.8);
    await ask();
    t.equal(asked, step > 0 ? 3 : 2, "and after its usual time");
  });

  t.test(`set ${words}: no node is called silent, and no Pod evicted before its time`, async (t) => {
    const clock = new FakeClock();
    const ready = { type: "Ready", status: "True" };
    const node = { metadata: { name: "n", uid: "u" }, spec: {}, status: { conditions: [ready] } } as object;
    const writes: string[] = [];
    const write = (name: string) => async () => {
      writes.push(name);
      return node;
    };
    const client = { patch: write("patch"), update: write("update"), delete: write("delete") };
    const noExecute = { key: "k", effect: "NoExecute", timeAdded: new Date(clock.now()).toISOString() };
    const tolerations = [{ key: "k", operator: "Exists", tolerationSeconds: 300 }];
    const pod = podOf({ tolerations, nodeName: "n" });
    const tainted = { ...node, spec: { taints: [noExecute] } };
    const context = (found: object) => ({
      ...{ client, now: () => clock.now(), monotonic: () => clock.monotonic(), logger: pino({ level: "silent" }) },
      event: () => undefined,
      informer: ({ plural }: { plural: string }) => ({
        get: () => ({ nodes: found, pods: pod })[plural],
        list: () => [],
        byIndex: () => [],
        resourceVersion: "1",
      }),
    });
    const lifecycle = nodeLifecycleController();
    const taints = taintEvictionController();
    const look = async () => [
      await lifecycle.reconcile("n", context(node) as never),
      await taints.reconcile("default/web", context(tainted) as never),
    ];
    const [grace, left] = await look();
    clock.step(step);
    await clock.advance(1_000);
    t.same(await look(), [Number(grace) - 1_000, Number(left) - 1_000]);
    t.same(writes, []);
  });
}
