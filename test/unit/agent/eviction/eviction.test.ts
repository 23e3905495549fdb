import t from "tap";
import { CALM, decide, type EvictionState } from "#agent/eviction/decide.js";
import { conditionMessage, evictionMessage } from "#agent/eviction/messages.js";
import { evictionOrder } from "#agent/eviction/rank.js";
import type { Observations, Signal } from "#agent/eviction/signals.js";
import { DEFAULT_HARD, parseThresholds, type Threshold } from "#agent/eviction/thresholds.js";
import { excess } from "#agent/pods/storage-limits.js";
import type { PodStorageUsage } from "#agent/stats/pod-storage.js";
import type { Pod } from "#api/generated/types.js";

const MI = 1024 ** 2;
const observed = (values: Partial<Record<Signal, number>>, capacity = 1000): Observations =>
  new Map(Object.entries(values).map(([signal, available]) => [signal as Signal, { available, capacity }]));

t.test("flags are read as the kubelet's", async (t) => {
  t.same(
    parseThresholds({}).map(({ signal, grace }) => [signal, grace]),
    DEFAULT_HARD.split(",").map((part) => [part.split("<")[0], 0]),
  );
  const parsed = parseThresholds({
    evictionHard: "memory.available<100Mi,nodefs.available<0%",
    evictionSoft: "memory.available<1.5%",
    evictionSoftGracePeriod: "memory.available=1m30s",
    evictionMinimumReclaim: "memory.available=10Mi",
  });
  t.same(parsed, [
    { signal: "memory.available", amount: { units: 100 * MI }, grace: 0, reclaim: { units: 10 * MI } },
    { signal: "memory.available", amount: { share: 0.015 }, grace: 90_000, reclaim: { units: 10 * MI } },
  ]);
  for (const [flags, message] of [
    [{ evictionHard: "memory<1" }, /--eviction-hard: "memory<1"/],
    [{ evictionHard: "memory.available<x" }, /neither a quantity/],
    [{ evictionHard: "memory.available<101%" }, /neither a quantity/],
    [{ evictionHard: "pid.available<1,pid.available<2" }, /twice/],
    [{ evictionSoft: "pid.available<1" }, /pid.available needs a duration/],
  ] as const)
    t.throws(() => parseThresholds(flags), message);
});

const hard: Threshold = { signal: "memory.available", amount: { units: 100 }, grace: 0, reclaim: { units: 50 } };
const soft: Threshold = { signal: "memory.available", amount: { units: 300 }, grace: 30_000 };
const disk: Threshold = { signal: "nodefs.available", amount: { share: 0.1 }, grace: 0 };
const pids: Threshold = { signal: "pid.available", amount: { units: 10 }, grace: 0 };
const all = [disk, pids, soft, hard];

/** Looks, one after the other: what is observed when, and what has to follow. */
t.test("decisions", async (t) => {
  const cases: [string, { at: number; see: Observations; pressures: string[]; reclaim?: Threshold }[]][] = [
    [
      "a hard threshold acts at once, and holds until the minimum came free",
      [
        { at: 0, see: observed({ "memory.available": 500 }), pressures: [] },
        { at: 1, see: observed({ "memory.available": 99 }), pressures: ["MemoryPressure"], reclaim: hard },
        { at: 2, see: observed({ "memory.available": 149 }), pressures: ["MemoryPressure"], reclaim: hard },
        { at: 3, see: observed({ "memory.available": 150 }), pressures: ["MemoryPressure"] },
      ],
    ],
    [
      "a soft one acts after its grace, counted from when it was crossed last",
      [
        { at: 0, see: observed({ "memory.available": 299 }), pressures: ["MemoryPressure"] },
        { at: 29_000, see: observed({ "memory.available": 299 }), pressures: ["MemoryPressure"] },
        { at: 29_500, see: observed({ "memory.available": 300 }), pressures: ["MemoryPressure"] },
        { at: 30_000, see: observed({ "memory.available": 200 }), pressures: ["MemoryPressure"] },
        { at: 60_000, see: observed({ "memory.available": 200 }), pressures: ["MemoryPressure"], reclaim: soft },
      ],
    ],
    [
      "a pressure outlives its cause by the transition period",
      [
        { at: 0, see: observed({ "nodefs.available": 99 }), pressures: ["DiskPressure"], reclaim: disk },
        { at: 10, see: observed({ "nodefs.available": 100 }), pressures: ["DiskPressure"] },
        { at: 59_999, see: observed({ "nodefs.available": 100 }), pressures: ["DiskPressure"] },
        { at: 60_000, see: observed({ "nodefs.available": 100 }), pressures: [] },
      ],
    ],
    [
      "memory before all else; what cannot be told is not short",
      [
        {
          at: 0,
          see: observed({ "nodefs.available": 1, "pid.available": 1, "memory.available": 1 }),
          pressures: ["DiskPressure", "PIDPressure", "MemoryPressure"],
          reclaim: hard,
        },
        { at: 1, see: observed({}), pressures: ["DiskPressure", "PIDPressure", "MemoryPressure"] },
        { at: 70_000, see: observed({ "pid.available": 9 }), pressures: ["PIDPressure"], reclaim: pids },
      ],
    ],
  ];
  for (const [name, looks] of cases) {
    let state: EvictionState = CALM;
    for (const { at, see, pressures, reclaim } of looks) {
      const decision = decide(state, all, see, at, 60_000);
      t.same([...decision.pressures].sort(), [...pressures].sort(), `${name}: ${at}`);
      t.equal(decision.reclaim, reclaim, `${name}: ${at}`);
      state = decision.state;
    }
  }
});

t.test("who goes first", async (t) => {
  const one = (name: string, used: number | undefined, requested: number, priority = 0) => ({
    pod: { metadata: { name }, spec: { priority, containers: [] } } as unknown as Pod,
    used,
    requested,
  });
  const names = (order: readonly { pod: Pod }[]) => order.map(({ pod }) => pod.metadata.name).join(" ");
  t.equal(
    names(
      evictionOrder([
        one("within", 50, 100, -5),
        one("over", 110, 100),
        one("far-over", 500, 100),
        one("important", 900, 0, 10),
        one("unknown", undefined, 100, 100),
        one("nearly", 99, 100),
      ]),
    ),
    "unknown far-over over important within nearly",
  );
  t.equal(names(evictionOrder([one("a", 1, 0, 1), one("b", 5, 0), one("c", 9, 0)], false)), "c b a");
});

t.test("messages are the kubelet's", async (t) => {
  const memory: Threshold = { signal: "memory.available", amount: { units: 100 * MI }, grace: 0 };
  const see = observed({ "memory.available": 90 * MI - 512, "nodefs.inodesFree": 3 }, 1000);
  t.equal(
    evictionMessage(memory, see, [
      { name: "main", used: 40 * MI, requested: 0 },
      { name: "small", used: 1, requested: 2 },
    ]),
    "The node was low on resource: memory. Threshold quantity: 100Mi, available: 94371328. Container main was using 40Mi, request is 0, has larger consumption of memory. ",
  );
  const inodes: Threshold = { signal: "nodefs.inodesFree", amount: { share: 0.05 }, grace: 0 };
  t.equal(
    evictionMessage(inodes, see, []),
    "The node was low on resource: inodes. Threshold quantity: 50, available: 3. ",
  );
  t.equal(conditionMessage(["DiskPressure"]), "The node had condition: [DiskPressure]. ");
});

t.test("limits of ephemeral storage", async (t) => {
  const limited = (limit?: string) => ({ resources: limit ? { limits: { "ephemeral-storage": limit } } : {} });
  const pod = (first?: string, second?: string, sizeLimit?: string) =>
    ({
      spec: {
        containers: [
          { name: "a", ...limited(first) },
          { name: "b", ...limited(second) },
        ],
        volumes: [{ name: "v", emptyDir: { sizeLimit } }],
      },
    }) as unknown as Pod;
  const usage = (a: number, b: number, volume: number): PodStorageUsage => ({
    containers: new Map([
      ["a", { writableLayer: a, log: 1 }],
      ["b", { writableLayer: b, log: 0 }],
    ]),
    volumes: new Map([["v", volume]]),
    mounted: new Map(),
  });
  const cases: [Pod, PodStorageUsage, string | undefined][] = [
    [pod(), usage(9e9, 9e9, 9e9), undefined],
    [pod("1Ki"), usage(1023, 0, 0), undefined],
    [pod("1Ki", "1Ki"), usage(1024, 0, 0), 'Container a exceeded its local ephemeral storage limit "1Ki". '],
    [
      pod("1Ki", "1Ki"),
      usage(1, 2, 2045),
      "Pod ephemeral local storage usage exceeds the total limit of containers 2Ki. ",
    ],
    [pod("1Ki", "1Ki"), usage(1, 2, 2044), undefined],
    [pod(undefined, undefined, "1Mi"), usage(0, 0, MI + 1), 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '],
  ];
  for (const [one, used, message] of cases) t.equal(excess(one, used), message, message ?? "within its limits");
});
