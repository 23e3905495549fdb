import t from "tap";
import type { V2HorizontalPodAutoscaler } from "#api/generated/types.js";
import { horizontalPodAutoscaler as kind } from "#resources/horizontalpodautoscaler/index.js";
import { meta } from "#test/fixtures/objects.js";

const target = { type: "Utilization", averageUtilization: 50 };

function make(spec: object, status: object = {}): V2HorizontalPodAutoscaler {
  const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
  const object = { metadata: meta("web"), spec: { scaleTargetRef, maxReplicas: 3, ...spec }, status } as never;
  kind.defaults?.(object);
  return object;
}

const wrong = (spec: object) => (kind.validate?.(make(spec)) ?? []).map(({ field, message }) => `${field}: ${message}`);
const cpu = (more: object = {}) => ({ type: "Resource", resource: { name: "cpu", target }, ...more });

t.test("what is left open", async (t) => {
  const { spec } = make({ behavior: { scaleUp: { stabilizationWindowSeconds: 30 } } });
  t.match(spec, { minReplicas: 1, metrics: [{ resource: { name: "cpu", target: { averageUtilization: 80 } } }] });
  t.same(spec?.behavior?.scaleUp, {
    stabilizationWindowSeconds: 30,
    selectPolicy: "Max",
    policies: [
      { type: "Pods", value: 4, periodSeconds: 15 },
      { type: "Percent", value: 100, periodSeconds: 15 },
    ],
  });
  t.same(spec?.behavior?.scaleDown, {
    selectPolicy: "Max",
    policies: [{ type: "Percent", value: 100, periodSeconds: 15 }],
  });
});

t.test("what is refused", async (t) => {
  t.same(wrong({}), []);
  t.same(wrong({ minReplicas: 0 }), ["spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"]);
  t.same(wrong({ minReplicas: 4 }), [
    "spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`",
  ]);
  t.match(wrong({ maxReplicas: 0 })[0], "spec.maxReplicas: Invalid value: 0: must be greater than 0");
  t.same(wrong({ scaleTargetRef: { kind: "", name: "a/b" } }), [
    "spec.scaleTargetRef.kind: Required value",
    `spec.scaleTargetRef.name: Invalid value: "a/b": may not contain '/'`,
  ]);
  const metric = (one: object) => wrong({ metrics: [one] });
  t.match(metric({ type: "Guess" })[0], 'spec.metrics[0].type: Unsupported value: "Guess"');
  t.match(metric({ type: "Resource" })[0], "spec.metrics[0].resource: Required value: must populate information");
  t.match(metric(cpu({ pods: { metric: { name: "x" }, target } }))[0], "must populate the given metric source only");
  const aiming = (aim: object) => metric({ type: "Resource", resource: { name: "cpu", target: aim } });
  t.match(aiming({ type: "Utilization" })[0], "must set either a target raw value or a target utilization");
  t.match(aiming({ ...target, averageValue: "1" })[0], "may not set both a target raw value and a target utilization");
  t.match(aiming({ type: "AverageValue", averageValue: "0" })[0], "must be positive");
  const rules = (more: object) => wrong({ behavior: { scaleDown: more } });
  t.match(rules({ stabilizationWindowSeconds: 3601 })[0], "must be less than or equal to 3600");
  t.match(
    rules({ policies: [] })[0],
    "spec.behavior.scaleDown.policies: Required value: must specify at least one Policy",
  );
  t.match(rules({ policies: [{ type: "Pods", value: 0, periodSeconds: 1801 }] }), [
    "spec.behavior.scaleDown.policies[0].value: Invalid value: 0: must be greater than zero",
    "spec.behavior.scaleDown.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800",
  ]);
});

t.test("its columns", async (t) => {
  const row = (object: V2HorizontalPodAutoscaler) => kind.columns?.slice(1, 6).map(({ value }) => value(object, 0));
  t.same(row(make({})), ["Deployment/web", "cpu: <unknown>/80%", "1", 3, 0]);
  const memory = {
    type: "Resource",
    resource: { name: "memory", target: { type: "AverageValue", averageValue: "1Gi" } },
  };
  const queue = { type: "External", external: { metric: { name: "queue" }, target: { type: "Value", value: "30" } } };
  const currentMetrics = [
    { type: "Resource", resource: { name: "cpu", current: { averageUtilization: 12, averageValue: "12m" } } },
    { type: "Resource", resource: { name: "memory", current: { averageValue: "100Mi" } } },
  ];
  const three = make({ metrics: [cpu(), memory, queue] }, { currentMetrics, currentReplicas: 2 });
  t.same(row(three), ["Deployment/web", "cpu: 12%/50%, memory: 100Mi/1Gi + 1 more...", "1", 3, 2]);
});
