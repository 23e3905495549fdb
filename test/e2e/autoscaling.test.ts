/** A HorizontalPodAutoscaler on real CPU time: more replicas under work, fewer without. */
import t from "tap";
import type { V2HorizontalPodAutoscaler } from "#api/generated/types.js";
import { openLab, until } from "./lab-session.js";

const session = await openLab(t);
const ns = await session.namespace(t, "autoscaling");

/** Works as long as there is a file; never more than a tenth of a core. */
const script =
  "while :; do if [ -e /tmp/work ]; then i=0; while [ $i -lt 500 ]; do i=$((i+1)); done; else sleep 1; fi; done";
const labels = { app: "worker" };

t.test("replicas follow the work", async (t) => {
  const container = {
    name: "main",
    image: "busybox",
    imagePullPolicy: "Never",
    command: ["sh", "-c", script],
    resources: { requests: { cpu: "50m" }, limits: { cpu: "100m" } },
  };
  const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 0, containers: [container] } };
  const metadata = { name: "worker" };
  await ns.apply(
    { apiVersion: "apps/v1", kind: "Deployment", metadata, spec: { selector: { matchLabels: labels }, template } },
    {
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata,
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "worker" },
        maxReplicas: 2,
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } },
        ],
        behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
      },
    },
  );
  const get = () => ns.get<V2HorizontalPodAutoscaler>("horizontalpodautoscaler", "worker");
  const scaled = (size: number) =>
    until(`${size} replicas`, async () => {
      const { status } = await get();
      const isSo = status?.currentReplicas === size && status.desiredReplicas === size;
      return isSo && status.currentMetrics?.[0]?.resource?.current.averageUtilization !== undefined && status;
    });
  await ns.kubectl(["rollout", "status", "deployment/worker", "--timeout=180s"]);
  await scaled(1);
  const [first = ""] = (await ns.kubectl(["get", "pods", "-l", "app=worker", "-o", "name"])).split("\n");
  await ns.kubectl(["exec", first, "--", "touch", "/tmp/work"]);
  const { conditions } = await scaled(2);
  t.match(
    conditions?.find(({ type }) => type === "ScalingActive"),
    { status: "True", reason: "ValidMetricFound" },
  );
  await ns.kubectl(["rollout", "status", "deployment/worker", "--timeout=180s"]);
  t.match(await ns.kubectl(["get", "hpa"]), /worker +Deployment\/worker +cpu: \d+%\/50% +1 +2 +2 /);
  await ns.kubectl(["exec", first, "--", "rm", "/tmp/work"]);
  await scaled(1);
  const events = await ns.kubectl(["get", "events", "--field-selector=reason=SuccessfulRescale"]);
  t.match(events, /New size: 2; reason: cpu resource utilization \(percentage of request\) above target/);
  t.match(events, /New size: 1; reason: All metrics below target/);
});
