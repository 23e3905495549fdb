import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import type { PodEnvironment } from "#agent/pods/pod-environment.js";
import { PodManager } from "#agent/pods/pod-manager.js";
import type { RuntimeEvent, Sandbox } from "#agent/runtime/runtime.js";
import type { KubeObject } from "#api/object.js";
import { FakeClock, settle } from "#test/fixtures/fake-clock.js";
import { podOf, sandboxOf } from "#test/fixtures/pod-objects.js";
import { ScriptedClient } from "#test/fixtures/scripted-client.js";

/** An engine with one sandbox, whose connections the test cuts. */
class CutEngine {
  readonly streams: { end(): void; closed: boolean }[] = [];
  lists = 0;
  /** Told before each list. */
  onList: () => void = () => undefined;

  events = async (_onEvent: (event: RuntimeEvent) => void, onEnd: () => void) => {
    const stream = {
      closed: false,
      end: () => {
        if (!stream.closed) onEnd();
        stream.closed = true;
      },
    };
    this.streams.push(stream);
    return {
      close: () => {
        stream.closed = true;
      },
    };
  };

  listSandboxes = async (): Promise<Sandbox[]> => {
    this.lists++;
    this.onList();
    return [sandboxOf()];
  };
  listContainers = async () => [];
  inspectSandbox = async () => sandboxOf();
  removeSandbox = async () => undefined;
}

function manage(engine: CutEngine, collect: () => Promise<void> = async () => undefined, more: object = {}) {
  const said: string[] = [];
  const log = (_fields: object, message: string) => void said.push(message);
  const clock = new FakeClock();
  const client = new ScriptedClient();
  client.lists = [{ metadata: { resourceVersion: "1" }, items: [podOf() as KubeObject] }] as typeof client.lists;
  const env = {
    client,
    clock,
    runtime: engine,
    network: { collect },
    logger: { debug: log, info: log, warn: log, error: log },
    directories: { root: "/nonexistent" },
    statuses: { seen: () => undefined, statusOf: () => undefined },
    events: { pod: () => undefined },
    ...more,
  } as unknown as PodEnvironment;
  const manager = new PodManager({ env, nodeName: "node-1", relistPeriod: 30_000 });
  return { manager, said, clock, client };
}

t.test("an engine that goes away while the agent starts costs no Pod its containers", async (t) => {
  const engine = new CutEngine();
  engine.onList = () => {
    if (engine.lists > 1) return;
    engine.streams[0]!.end();
    throw new Error("socket hang up");
  };
  const { manager, said, clock } = manage(engine);
  const started = manager.start();
  await settle();
  await clock.advance(1_000);
  await started;
  t.notOk(said.includes("pod is not in the API: taking it down"), said.join("\n"));
  t.equal(engine.streams.filter(({ closed }) => !closed).length, 1, "one stream is open");
});

t.test("a stream that ended during the start is opened again after it", async (t) => {
  const engine = new CutEngine();
  engine.onList = () => engine.streams[0]!.end();
  const { manager, said, clock } = manage(engine);
  await manager.start();
  await clock.advance(1_000);
  t.equal(engine.streams.filter(({ closed }) => !closed).length, 1);
  t.notOk(said.includes("pod is not in the API: taking it down"));
});

t.test("a Pod that is deleted while the agent starts is taken down", async (t) => {
  const root = t.testdir({ orphan: {} });
  const tornDown: string[] = [];
  const nothing = async () => undefined;
  const { manager, client } = manage(new CutEngine(), nothing, {
    network: { collect: nothing, detach: nothing },
    directories: { root, of: (uid: string) => join(root, uid) },
    cgroupRoot: "/berth-none",
    volumes: {
      tearDown: async (uid: string) => {
        tornDown.push(uid);
        // While the remains of another Pod are being removed.
        if (uid === "orphan") client.watches[0]?.onEvents([{ type: "DELETED", object: podOf() as KubeObject }]);
      },
    },
    statuses: { seen: () => undefined, statusOf: () => undefined, forget: () => undefined },
    allocations: { release: () => undefined },
    images: { forgetPod: () => undefined },
  });
  await manager.start();
  for (let waits = 0; waits < 100 && tornDown.length < 2; waits++) await sleep(20);
  t.same(tornDown, ["orphan", "uid-1"]);
  await manager.stop();
});

t.test("an attachment that cannot be given back is said, and keeps no Pod waiting", async (t) => {
  const { manager, said } = manage(new CutEngine(), () => Promise.reject(new Error("no plugin")));
  await manager.start();
  t.ok(said.includes("network attachments of the past stay"));
  t.equal(manager.list().length, 1);
});

t.test("an engine that no longer lists its containers is called unhealthy, until it does", async (t) => {
  const engine = new CutEngine();
  const { manager, clock } = manage(engine);
  await manager.start();
  let hangs = true;
  engine.onList = () => {
    if (hangs) throw new Error("the Docker engine has not answered for 120 s");
  };
  await clock.advance(179_000);
  t.equal(manager.problem(), undefined);
  await clock.advance(1_000);
  t.equal(manager.problem(), "PLEG is not healthy: pleg was last seen active 3m0s ago; threshold is 3m0s");
  hangs = false;
  await clock.advance(30_000);
  t.equal(manager.problem(), undefined);
  await manager.stop();
});
