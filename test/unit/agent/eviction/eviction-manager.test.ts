import { pino } from "pino";
import t from "tap";
import { EvictionManager, type EvictionOptions } from "#agent/eviction/eviction-manager.js";
import type { PressureType, Signal } from "#agent/eviction/signals.js";
import { parseThresholds } from "#agent/eviction/thresholds.js";
import { Allocations } from "#agent/pods/allocations.js";
import { type PodFailure, refusalOf } from "#agent/pods/pod-admission.js";
import type { PodEnvironment } from "#agent/pods/pod-environment.js";
import type { Pod, PodSpec } from "#api/generated/types.js";

const podOf = (name: string, spec: Partial<PodSpec> = {}, annotations = {}, resourceVersion = "5"): Pod =>
  ({
    metadata: { name, namespace: "default", uid: name, annotations, resourceVersion },
    spec: { containers: [{ name: "c" }], ...spec },
    status: { phase: "Running", startTime: "2026-01-01T00:00:00Z" },
  }) as unknown as Pod;

interface World {
  manager: EvictionManager;
  evicted: { name: string; failure: PodFailure }[];
  reclaimed: Signal[];
  /** What is free; evicting a Pod and reclaiming add to it. */
  free: number;
  told: number;
}

function worldOf(pods: Pod[], options: Partial<EvictionOptions> = {}, gains = { reclaim: 0, evict: 10 }): World {
  const world = { evicted: [], reclaimed: [], free: 5, told: 0 } as unknown as World;
  world.manager = new EvictionManager({
    thresholds: parseThresholds({ evictionHard: "nodefs.available<10" }),
    transition: 60_000,
    maxPodGraceSeconds: 7,
    interval: 1_000_000,
    observe: async () => new Map([["nodefs.available", { available: world.free, capacity: 100 }]]),
    usage: {
      ...{
        nodeName: "n",
        layout: { version: 1, mount: "/nowhere" },
        driver: "cgroupfs",
        cgroupRoot: "/",
        now: () => 0,
      },
      pods: () => pods.filter(({ metadata }) => !world.evicted.some(({ name }) => name === metadata.name)),
      storageOf: () => undefined,
    },
    reclaimers: [
      {
        name: "broken",
        signals: ["nodefs.available"],
        reclaim: async () => Promise.reject(new Error("no")),
      },
      {
        name: "images",
        signals: ["nodefs.available"],
        reclaim: async (signal) => {
          world.reclaimed.push(signal);
          world.free += gains.reclaim;
        },
      },
    ],
    evict: async ({ metadata }, failure) => {
      world.evicted.push({ name: metadata.name, failure });
      world.free += gains.evict;
    },
    onPressure: () => void world.told++,
    clock: { now: () => 1_000, monotonic: () => 1_000, after: () => () => undefined },
    logger: pino({ level: "silent" }),
    ...options,
  });
  return world;
}

t.test("room is first made without ending a Pod", async (t) => {
  const world = worldOf([podOf("a")], {}, { reclaim: 10, evict: 0 });
  await world.manager.start();
  t.same(world.reclaimed, ["nodefs.available"]);
  t.same(world.evicted, []);
  t.same([...world.manager.pressures], ["DiskPressure"], "it stays for the transition period");
  t.equal(world.told, 1);
});

t.test("then Pods go, one by one, until there is enough; critical ones never", async (t) => {
  const critical = podOf("critical", { priority: 2_000_000_000 });
  const fromFile = { "kubernetes.io/config.source": "file" };
  const own = podOf("own", { priority: -2 }, fromFile, "");
  const ended = { ...podOf("ended"), status: { phase: "Failed", startTime: "2026-01-01T00:00:00Z" } } as Pod;
  const low = podOf("low", { priority: -1 });
  const world = worldOf(
    [critical, own, ended, podOf("first", {}, fromFile), low, podOf("last", { priority: 1 })],
    {},
    { reclaim: 0, evict: 3 },
  );
  await world.manager.start();
  t.same(
    world.evicted.map(({ name }) => name),
    ["low", "first"],
    "what a Pod of the API says of its source does not help it",
  );
  t.match(world.evicted[0]?.failure, {
    reason: "Evicted",
    message: "The node was low on resource: ephemeral-storage. Threshold quantity: 10, available: 5. ",
    graceSeconds: 1,
    disruption: true,
  });
});

t.test("who cannot look says so and looks again; nobody to evict is no error", async (t) => {
  const blind = worldOf([], { observe: async () => Promise.reject(new Error("no disk")) });
  await blind.manager.start();
  t.equal(blind.manager.pressures.size, 0);
  const alone = worldOf([]);
  await alone.manager.start();
  t.same(alone.evicted, []);
  await alone.manager.stop();
});

t.test("a soft threshold waits for its grace, and leaves a Pod time to end", async (t) => {
  const [threshold] = parseThresholds({ evictionHard: "nodefs.available<10" });
  let now = 1_000;
  const waits: (() => void)[] = [];
  const clock = {
    now: () => now,
    monotonic: () => now,
    after: (_delay: number, run: () => void) => {
      waits.push(run);
      return () => undefined;
    },
  };
  const world = worldOf([podOf("a")], { thresholds: [{ ...threshold!, grace: 500 }], clock });
  await world.manager.start();
  t.same(world.evicted, []);
  now += 500;
  waits.at(-1)?.();
  await world.manager.stop();
  t.match(world.evicted, [{ name: "a", failure: { graceSeconds: 7 } }]);
});

t.test("what a node under pressure takes on", async (t) => {
  const asking = { containers: [{ name: "c", resources: { requests: { memory: "1Mi" } } }] };
  const tolerating = { tolerations: [{ key: "node.kubernetes.io/memory-pressure", operator: "Exists" }] };
  const cases: [string, Partial<PodSpec>, PressureType[], boolean][] = [
    ["nothing is short", {}, [], true],
    ["asks for nothing, memory is short", {}, ["MemoryPressure"], false],
    ["asks for memory", asking, ["MemoryPressure"], true],
    ["tolerates it", tolerating, ["MemoryPressure"], true],
    ["asks for memory, the disk is short too", asking, ["DiskPressure", "MemoryPressure"], false],
    ["tolerates what is not all", tolerating, ["DiskPressure"], false],
    ["is critical", { priority: 2_000_000_000 }, ["DiskPressure", "PIDPressure"], true],
  ];
  for (const [name, spec, pressures, taken] of cases) {
    const env = {
      isShuttingDown: () => false,
      pressures: () => new Set(pressures),
      allowedUnsafeSysctls: [],
      allocations: new Allocations({ milliCpu: 1, memory: 1e9, pods: 9 }),
    } as unknown as PodEnvironment;
    const message = `Pod was rejected: The node had condition: [${pressures.join(" ")}]. `;
    t.same(refusalOf(env, podOf("p", spec)), taken ? undefined : { reason: "Evicted", message }, name);
  }
});
