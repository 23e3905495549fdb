/** Pods that use more than there is, of memory and of the disk. On a real engine; what is short is set so that it is. */
import { pino } from "pino";
import t, { type Test } from "tap";
import { EvictionManager } from "#agent/eviction/eviction-manager.js";
import { observeNode } from "#agent/eviction/observe.js";
import type { PressureType } from "#agent/eviction/signals.js";
import { parseThresholds } from "#agent/eviction/thresholds.js";
import { cgroupLayout } from "#agent/host/cgroup-layout.js";
import { cgroupUsage } from "#agent/stats/cgroup-usage.js";
import { fileSystemUsage } from "#agent/stats/disk-usage.js";
import { pods } from "#api/refs.js";
import { systemClock } from "#client/clock.js";
import { eventually } from "#test/fixtures/api-server.js";
import { isReady, NodeFixture, sh, skipWithoutEngine } from "#test/fixtures/node-pods.js";

const MIB = 1024 * 1024;
/** What the node in this test is said to have. */
const MEMORY = 1024 * MIB;

interface Watched {
  node: NodeFixture;
  watchFor(evictionHard: string): Promise<EvictionManager>;
}

async function watchedNode(t: Test): Promise<Watched> {
  let manager: EvictionManager | undefined;
  const pressures = () => manager?.pressures ?? new Set<PressureType>();
  const node = await NodeFixture.open(t, { pressures });
  const cgroupRoot = `/berth-${node.nodeName}`;
  const layout = cgroupLayout();
  const { cgroupDriver: driver } = await node.runtime.version();
  const usage = {
    ...{ nodeName: node.nodeName, layout, driver, cgroupRoot, now: Date.now },
    pods: () => node.pods.list(),
    storageOf: (pod: Parameters<typeof node.pods.storageOf>[0]) => node.pods.storageOf(pod),
  };
  const usedMemory = async () => (await cgroupUsage(layout, cgroupRoot))?.workingSet ?? 0;
  t.teardown(() => manager?.stop());
  return {
    node,
    async watchFor(evictionHard) {
      await manager?.stop();
      manager = new EvictionManager({
        thresholds: parseThresholds({ evictionHard }),
        transition: 2_500,
        maxPodGraceSeconds: 0,
        interval: 100,
        observe: () => observeNode({ memory: MEMORY, usedMemory, nodeFolder: node.dataDir, imageFolder: node.dataDir }),
        usage,
        reclaimers: [],
        evict: (pod, failure) => node.pods.evict(pod, failure),
        onPressure: () => undefined,
        clock: systemClock,
        logger: pino({ level: "silent" }),
      });
      await manager.start();
      return manager;
    },
  };
}

t.test("evictions", { skip: skipWithoutEngine, timeout: 120_000 }, async (t) => {
  const { node, watchFor } = await watchedNode(t);
  const failed = (name: string) => node.until(name, "failed", ({ status }) => status?.phase === "Failed");
  const asks = { resources: { requests: { memory: "64Mi" } } };

  await t.test(
    "a node short of memory evicts who uses more than it asked for, and takes on nobody who asks for none",
    async (t) => {
      await node.create("modest", asks);
      await node.create("hog", {
        command: sh(`head -c ${56 * MIB} /dev/zero > /dev/shm/held; while :; do sleep 0.1; done`),
      });
      await node.until("modest", "ready", isReady);
      const manager = await watchFor(`memory.available<${MEMORY - 40 * MIB}`);
      const { status } = await failed("hog");
      t.equal(status?.reason, "Evicted");
      t.match(
        status?.message,
        /^The node was low on resource: memory. Threshold quantity: 984Mi, available: \w+. Container main was using \w+, request is 0, has larger consumption of memory. $/,
      );
      t.match(
        status?.conditions?.find(({ type }) => type === "DisruptionTarget"),
        { status: "True", reason: "TerminationByKubelet", message: status?.message },
      );
      await node.untilEvent("hog", /^Evicted: The node was low on resource: memory. /);
      await node.create("late", {});
      t.match((await failed("late")).status, {
        reason: "Evicted",
        message: "Pod was rejected: The node had condition: [MemoryPressure]. ",
      });
      await node.create("asking", asks);
      await node.until("asking", "ready", isReady);
      t.equal((await node.get("modest"))?.status?.phase, "Running");
      await eventually(() => manager.pressures.size === 0 || undefined, "the pressure passes");
      await node.create("later", {});
      await node.until("later", "ready", isReady);
      for (const name of ["modest", "asking", "later"]) await node.delete(name, 0);
    },
  );

  await t.test("a node short of disk evicts who has filled it", async (t) => {
    for (const name of ["modest", "asking", "later"]) await node.gone(name);
    const { available } = await fileSystemUsage(node.dataDir);
    await watchFor(`nodefs.available<${available - 100 * MIB}`);
    const fill = `head -c ${200 * MIB} /dev/zero > /data/file; while :; do sleep 0.1; done`;
    const mount = { volumeMounts: [{ name: "data", mountPath: "/data" }] };
    await node.create("filler", { command: sh(fill), ...mount }, { volumes: [{ name: "data", emptyDir: {} }] });
    t.match((await failed("filler")).status, {
      reason: "Evicted",
      message: /^The node was low on resource: ephemeral-storage. Threshold quantity: \w+, available: \w+. /,
    });
  });

  for (const { metadata } of (await node.client.list(pods, { namespace: "default" })).items)
    await node.client.delete(pods, metadata.name, "default", { gracePeriodSeconds: 0 });
});
