import t from "tap";
import { NO_USAGE } from "#agent/stats/cgroup-usage.js";
import { resourceMetrics } from "#agent/stats/resource-metrics.js";
import type { Pod } from "#api/generated/types.js";
import { parseSample } from "#apiserver/resource-metrics/sample.js";
import { podUsage, usageBetween } from "#apiserver/resource-metrics/usage.js";

const point = (at: number, cpuSeconds: number, memory = 1024, startedAt = 1) => ({ at, cpuSeconds, memory, startedAt });

t.test("the server reads what the agent writes", async (t) => {
  const pod = { metadata: { name: "web", namespace: "shop" } } as Pod;
  const usage = { ...NO_USAGE, cpuSeconds: 1.25, workingSet: 4096 };
  const container = { name: "main", id: "x", image: "i", startedAt: 1_700_000_000_500, usage };
  const node = { ...NO_USAGE, cpuSeconds: 9, workingSet: 1e6 };
  const text = resourceMetrics({
    at: 1_700_000_009_000,
    node,
    pods: [{ pod, usage, containers: [container] }],
    failures: [],
  });
  const sample = parseSample(text, 0);
  t.match(sample.node, { at: 1_700_000_009_000, cpuSeconds: 9, memory: 1e6 });
  t.same(sample.pods.get("shop/web")?.get("main"), {
    at: 1_700_000_009_000,
    cpuSeconds: 1.25,
    memory: 4096,
    startedAt: 1_700_000_000.5,
  });
  const labels = '{container="main",namespace="shop",pod="web"}';
  t.match(text, `container_cpu_usage_seconds_total${labels} 1.25 1700000009000\n`);
  t.match(
    text,
    "# HELP resource_scrape_error [STABLE] 1 if there was an error while getting container metrics, 0 otherwise\n",
  );
  t.match(text, "\nresource_scrape_error 0\n");
});

t.test("use is what a counter grew by in the time between", async (t) => {
  t.same(usageBetween(point(0, 1), point(15_000, 4, 3 * 1024 * 1024)), {
    timestamp: "1970-01-01T00:00:15Z",
    window: "15s",
    usage: { cpu: "200m", memory: "3Mi" },
  });
  t.match(usageBetween(point(0, 0), point(1_500, 0.123456789)), { window: "1.5s", usage: { cpu: "82304526n" } });
  for (const [why, before, after] of [
    ["only one sample", undefined, point(1, 1)],
    ["none any more", point(1, 1), undefined],
    ["the same moment", point(1, 1), point(1, 1)],
    ["the counter began anew", point(1, 2), point(2, 1)],
    ["another start of the container", point(1, 1), point(2, 2, 0, 5)],
  ] as const)
    t.equal(usageBetween(before, after), undefined, why);
});

t.test("a Pod is known when all its containers are", async (t) => {
  const sample = (names: string[], at: number, cpu: number) => ({
    pods: new Map([["a/b", new Map(names.map((name) => [name, point(at, cpu)]))]]),
  });
  const both = podUsage("a/b", sample(["y", "x"], 0, 1), sample(["y", "x"], 1000, 2));
  t.same(
    both?.containers.map(({ name, usage }) => [name, usage["cpu"]]),
    [
      ["x", "1"],
      ["y", "1"],
    ],
  );
  t.equal(podUsage("a/b", sample(["x"], 0, 1), sample(["x", "y"], 1000, 2)), undefined, "one is new");
  t.same(podUsage("a/b", sample(["x", "y"], 0, 1), sample(["x"], 1000, 2))?.containers.length, 1, "one has ended");
  t.equal(podUsage("a/c", sample(["x"], 0, 1), sample(["x"], 1000, 2)), undefined);
});
