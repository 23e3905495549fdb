/** What nodes and Pods use: from the node's cgroups through the metrics API to `kubectl top`. */
import t from "tap";
import type { Pod, V1beta1NodeMetrics, V1beta1PodMetrics } from "#api/generated/types.js";
import type { KubeList } from "#api/object.js";
import { quantityMilli, quantityValue } from "#api/quantity.js";
import { kubectlAt, kubectlVersions, openLab, pod, until } from "./lab-session.js";

const METRICS = "/apis/metrics.k8s.io/v1beta1";
const MIB = 1024 * 1024;

/** Holds 40 MiB, and uses what it gets of a fifth of a CPU. */
const busy = {
  command: ["sh", "-c", "head -c 41943040 /dev/zero > /dev/shm/held; while :; do :; done"],
  resources: { limits: { cpu: "200m", memory: "128Mi" } },
};

t.test("kubectl top, and what it stands on", { timeout: 120_000 }, async (t) => {
  const session = await openLab(t);
  const ns = await session.namespace(t, "usage");
  const idle = { name: "idle", image: "busybox:latest", command: ["sleep", "1000"] };
  const two = pod("busy", busy, { containers: undefined }) as { metadata: object; spec: { containers: object[] } };
  two.metadata = { name: "busy", labels: { app: "busy" } };
  two.spec.containers = [{ name: "main", image: "busybox:latest", ...busy }, idle];
  const limit = { limits: { "ephemeral-storage": "1Mi" } };
  const write = ["sh", "-c", "head -c 3000000 /dev/zero > /file; sleep 1000"];
  await ns.apply(two, pod("writer", { command: write, resources: limit }));
  const raw = async (path: string) => JSON.parse(await session.kubectl(["get", "--raw", path]));

  const measured = await until("the busy Pod's use is measured", async () => {
    const list: KubeList<V1beta1PodMetrics> = await raw(`${METRICS}/namespaces/usage/pods?labelSelector=app%3Dbusy`);
    const main = list.items[0]?.containers.find(({ name }) => name === "main");
    const cpu = quantityMilli(main?.usage["cpu"]);
    return cpu > 40 && quantityValue(main?.usage["memory"]) > 40 * MIB && list;
  });
  t.equal(measured.items.length, 1, "the selector holds");
  t.match(measured, { kind: "PodMetricsList", apiVersion: "metrics.k8s.io/v1beta1" });
  const [busyPod] = measured.items;
  t.match(busyPod, { metadata: { name: "busy", labels: { app: "busy" } }, timestamp: /Z$/, window: /^[\dm.]+s$/ });
  t.same(
    busyPod?.containers.map(({ name }) => name),
    ["idle", "main"],
  );
  t.ok(quantityMilli(busyPod?.containers[1]?.usage["cpu"]) < 300, "no more than its limit, but for the measurement");
  t.ok(quantityMilli(busyPod?.containers[0]?.usage["cpu"]) < 40, "the other container is idle");

  const nodes: KubeList<V1beta1NodeMetrics> = await raw(`${METRICS}/nodes`);
  t.same(nodes.items.map(({ metadata }) => metadata.name).sort(), session.lab.workers.map(({ name }) => name).sort());
  for (const [path, name] of [
    ["namespaces/usage/pods/none", 'podmetrics.metrics.k8s.io "usage/none" not found'],
    ["nodes/none", 'nodemetrics.metrics.k8s.io "none" not found'],
  ])
    t.match((await session.tryKubectl(["get", "--raw", `${METRICS}/${path}`])).stderr, name);

  for (const { version, path } of await kubectlVersions()) {
    const top = async (...args: string[]) =>
      (await kubectlAt(path, session.lab, ["-n", "usage", "top", ...args])).stdout;
    t.match(await top("pod", "busy"), /^busy +\d+m +4\dMi/m, version);
    t.match(await top("pod", "--containers"), /^busy +main +\d+m +4\dMi/m, version);
    t.match(await top("pod", "-l", "app=busy", "--no-headers"), /^busy [^\n]+\n$/, version);
    t.match(await top("node"), /^node-1 +\d+m +\d+% +\d+Mi +\d+%/m, version);
  }

  await t.test("a Pod that writes more to the node's disk than it may is evicted", async (t) => {
    const { status } = await until("evicted", async () => {
      const found = await ns.get<Pod>("pod", "writer");
      return found.status?.phase === "Failed" && found;
    });
    const message = "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ";
    t.match(status, { reason: "Evicted", message });
    t.ok((await ns.eventsOf("writer")).some((event) => event.startsWith("Evicted: Pod ephemeral local storage")));
  });

  await t.test("the kubelet endpoint tells it in the kubelet's forms", async (t) => {
    const { spec } = await ns.get<Pod>("pod", "busy");
    const proxy = `/api/v1/nodes/${spec.nodeName}/proxy`;
    const text = await session.kubectl(["get", "--raw", `${proxy}/metrics/resource`]);
    const labels = 'container="main",namespace="usage",pod="busy"';
    t.match(text, new RegExp(`^container_cpu_usage_seconds_total\\{${labels}\\} [\\d.]+ \\d{13}$`, "m"));
    t.match(text, new RegExp(`^container_start_time_seconds\\{${labels}\\} \\d+$`, "m"));
    t.match(text, /^pod_memory_working_set_bytes\{namespace="usage",pod="busy"\} \d+ \d{13}$/m);
    t.match(text, /^resource_scrape_error 0$/m);
    const summary = await raw(`${proxy}/stats/summary`);
    const found = summary.pods.find(({ podRef }: { podRef: { name: string } }) => podRef.name === "busy");
    const main = found?.containers.find(({ name }: { name: string }) => name === "main");
    t.match(summary.node, {
      nodeName: spec.nodeName,
      fs: { capacityBytes: Number },
      memory: { workingSetBytes: Number },
    });
    t.match(main, {
      cpu: { usageCoreNanoSeconds: Number },
      rootfs: { usedBytes: Number },
      logs: { usedBytes: Number },
    });
    t.equal(main?.memory.availableBytes, 128 * MIB - main?.memory.workingSetBytes, "of its limit");
    t.match(found, { network: { name: "eth0", rxBytes: Number }, "ephemeral-storage": { usedBytes: Number } });
  });
});
