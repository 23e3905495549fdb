/** How many replicas measurements ask for, and how fast they are given. */
import t from "tap";
import type { Pod, V1beta1PodMetrics, V2HorizontalPodAutoscalerSpec, V2MetricSpec } from "#api/generated/types.js";
import { Memory, withinBehavior } from "#controlplane/controllers/horizontalpodautoscaling/behavior.js";
import { evaluate, type MetricError } from "#controlplane/controllers/horizontalpodautoscaling/metrics.js";
import { makePod, meta, type PodShape } from "#test/fixtures/objects.js";

const NOW = Date.parse("2026-01-01T01:00:00Z");
const AT = "2026-01-01T00:59:50Z";

/** A Pod that has run for an hour and asks for 100m and 100Mi. */
function pod(name: string, shape: PodShape = {}, startTime = "2026-01-01T00:00:00Z"): Pod {
  const containers = [{ name: "c", resources: { requests: { cpu: "100m", memory: "100Mi" } } }];
  const made = makePod(name, { node: "n1", ready: true, ...shape, spec: { containers, ...shape.spec } });
  return { ...made, status: { ...made.status, startTime } };
}

const uses = (name: string, cpu: string, memory = "50Mi"): V1beta1PodMetrics => ({
  metadata: meta(name),
  timestamp: AT,
  window: "15s",
  containers: [{ name: "c", usage: { cpu, memory } }],
});

const cpu = (averageUtilization: number): V2MetricSpec => ({
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization } },
});

const spec: V2HorizontalPodAutoscalerSpec = { scaleTargetRef: { kind: "Deployment", name: "d" }, maxReplicas: 10 };

/** "replicas (utilization%)", or why there is no answer. */
function demand(pods: Pod[], metrics: V1beta1PodMetrics[] | Error, metric = cpu(50), current = pods.length): string {
  try {
    const { replicas, status } = evaluate(metric, spec, { pods, metrics, current, now: NOW });
    const { averageUtilization, averageValue } = (status.resource ?? status.containerResource)!.current;
    return averageUtilization === undefined ? `${replicas} (${averageValue})` : `${replicas} (${averageUtilization}%)`;
  } catch (error) {
    return `${(error as MetricError).reason}: ${(error as Error).message}`;
  }
}

t.test("use in percent of what is asked for", async (t) => {
  const two = [pod("a"), pod("b")];
  t.equal(demand(two, [uses("a", "100m"), uses("b", "100m")]), "4 (100%)");
  t.equal(demand(two, [uses("a", "10m"), uses("b", "30m")]), "1 (20%)");
  t.equal(demand(two, [uses("a", "52m"), uses("b", "52m")]), "2 (52%)", "near enough");
  t.equal(demand(two, [uses("a", "56m"), uses("b", "56m")]), "3 (56%)");
  t.equal(demand(two, [uses("a", "44m"), uses("b", "44m")]), "2 (44%)", "rounded up");
});

t.test("use as an amount", async (t) => {
  const memory: V2MetricSpec = {
    type: "Resource",
    resource: { name: "memory", target: { type: "AverageValue", averageValue: "30Mi" } },
  };
  t.equal(demand([pod("a"), pod("b")], [uses("a", "0", "50Mi"), uses("b", "0", "50Mi")], memory), "4 (50Mi)");
  t.equal(demand([pod("a"), pod("b")], [uses("a", "0", "10Mi"), uses("b", "0", "10Mi")], memory), "1 (10Mi)");
});

t.test("of one container, where others differ", async (t) => {
  const containers = ["c", "side"].map((name) => ({ name, resources: { requests: { cpu: "100m" } } }));
  const both = pod("a", { spec: { containers } });
  const metrics = [
    {
      ...uses("a", "100m"),
      containers: [
        { name: "c", usage: { cpu: "100m" } },
        { name: "side", usage: { cpu: "0" } },
      ],
    },
  ];
  t.equal(demand([both], metrics), "1 (50%)");
  const target = { type: "Utilization", averageUtilization: 50 };
  const one = (container: string): V2MetricSpec => ({
    type: "ContainerResource",
    containerResource: { name: "cpu", container, target },
  });
  t.equal(demand([both], metrics, one("c")), "2 (100%)");
  t.match(demand([both], metrics, one("x")), "FailedGetContainerResourceMetric: failed to get cpu utilization:");
});

t.test("what is not known speaks against a change", async (t) => {
  const three = [pod("a"), pod("b"), pod("c")];
  t.equal(demand(three, [uses("a", "10m"), uses("b", "10m")]), "3 (10%)", "c may be busy: (10+10+100)/300 is 40 %");
  t.equal(demand(three, [uses("a", "100m"), uses("b", "100m")]), "4 (100%)", "c may be idle: 66 %");
  const fresh = pod("c", { ready: false, readySince: "2026-01-01T00:59:30Z" }, "2026-01-01T00:59:20Z");
  t.equal(
    demand([pod("a"), pod("b"), fresh], [uses("a", "100m"), uses("b", "100m"), uses("c", "500m")]),
    "4 (100%)",
    "one that starts counts as idle",
  );
  const pending = pod("p", { phase: "Pending", ready: false });
  t.equal(demand([pod("a"), pending], [uses("a", "60m")]), "2 (60%)", "room is on its way");
  const going = pod("g", { deleting: true });
  t.equal(demand([pod("a"), going], [uses("a", "100m"), uses("g", "900m")], cpu(50), 1), "2 (100%)");
});

t.test("why nothing can be said", async (t) => {
  const bare = pod("a", { spec: { containers: [{ name: "c" }] } });
  const failed = "FailedGetResourceMetric: failed to get cpu utilization:";
  t.equal(demand([bare], [uses("a", "10m")]), `${failed} missing request for cpu in container c of Pod a`);
  t.equal(demand([], [uses("x", "10m")]), `${failed} no pods returned by selector while calculating replica count`);
  t.match(demand([pod("a")], []), `${failed} unable to get metrics for resource cpu: no metrics returned`);
  t.match(demand([pod("a")], new Error("503")), `${failed} unable to get metrics for resource cpu: 503`);
  t.match(demand([pod("a")], [uses("other", "10m")]), `${failed} did not receive metrics for targeted pods`);
  const metric = { type: "External", external: { metric: { name: "queue" }, target: { type: "Value", value: "1" } } };
  t.match(demand([pod("a")], [], metric), "FailedGetExternalMetric: unable to get metrics from External source:");
});

/** What becomes of wishes at these seconds: "[10: 4]" wishes 4 replicas at second 10; the size follows. */
function course(more: Partial<V2HorizontalPodAutoscalerSpec>, start: number, ...wishes: [number, number][]): string {
  const memory = new Memory();
  let current = start;
  return wishes
    .map(([second, desired]) => {
      const now = NOW + second * 1000;
      const { replicas, limited } = withinBehavior({ ...spec, ...more }, { current, desired, now }, memory);
      if (replicas !== current) memory.changed(replicas - current, now);
      current = replicas;
      return limited ? `${replicas} ${limited[0]}` : String(replicas);
    })
    .join(", ");
}

t.test("without rules: up to the double or to four, down after five minutes", async (t) => {
  t.equal(course({}, 1, [0, 9], [15, 9], [30, 9]), "4 ScaleUpLimit, 8 ScaleUpLimit, 9");
  t.equal(course({}, 8, [0, 30], [15, 30]), "10 TooManyReplicas, 10 TooManyReplicas");
  t.equal(course({}, 4, [0, 4], [15, 1], [299, 1], [301, 1]), "4, 4, 4, 1");
  t.equal(course({ minReplicas: 2 }, 4, [0, 1]), "2 TooFewReplicas");
});

t.test("rules: windows, policies, and which of them decides", async (t) => {
  const up = (selectPolicy: string, ...policies: [string, number, number][]) => ({
    behavior: {
      scaleUp: {
        selectPolicy,
        stabilizationWindowSeconds: 0,
        policies: policies.map(([type, value, periodSeconds]) => ({ type, value, periodSeconds })),
      },
    },
  });
  t.equal(
    course(up("Max", ["Pods", 2, 60]), 1, [0, 9], [15, 9], [61, 9]),
    "3 ScaleUpLimit, 3 ScaleUpLimit, 5 ScaleUpLimit",
  );
  t.equal(course(up("Max", ["Pods", 1, 60], ["Percent", 100, 60]), 3, [0, 9]), "6 ScaleUpLimit");
  t.equal(course(up("Min", ["Pods", 1, 60], ["Percent", 100, 60]), 3, [0, 9]), "4 ScaleUpLimit");
  t.equal(course(up("Disabled", ["Pods", 1, 60]), 3, [0, 9]), "3 ScaleUpLimit");
  const down = (window: number, type: string, value: number) => ({
    behavior: { scaleDown: { stabilizationWindowSeconds: window, policies: [{ type, value, periodSeconds: 60 }] } },
  });
  t.equal(
    course(down(0, "Pods", 1), 5, [0, 1], [30, 1], [61, 1]),
    "4 ScaleDownLimit, 4 ScaleDownLimit, 3 ScaleDownLimit",
  );
  t.equal(course(down(0, "Percent", 50), 9, [0, 1]), "4 ScaleDownLimit");
  t.equal(course(down(30, "Percent", 100), 5, [0, 5], [20, 1], [31, 1]), "5, 5, 1");
});
