/**
 * `/metrics/resource`: what a metrics server asks for, and no more. Names, help and labels are the kubelet's
 * (https://kubernetes.io/docs/reference/instrumentation/metrics/).
 */
import type { CgroupUsage } from "./cgroup-usage.js";
import { counter, gauge, type Metric, metricText, type Sample } from "./metric-text.js";
import type { Readings } from "./readings.js";

export function resourceMetrics(readings: Readings): string {
  return metricText([
    ...nodeMetrics(readings),
    ...containerMetrics(readings),
    ...podMetrics(readings),
    gauge("resource_scrape_error", "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise", {
      value: readings.failures.length > 0 ? 1 : 0,
    }),
  ]);
}

const swapOf = (usage: CgroupUsage, more: Omit<Sample, "value">): Sample[] =>
  usage.swap === undefined ? [] : [{ ...more, value: usage.swap }];

function nodeMetrics({ node, at }: Readings): Metric[] {
  return [
    counter("node_cpu_usage_seconds_total", "[STABLE] Cumulative cpu time consumed by the node in core-seconds", {
      value: node.cpuSeconds,
      at,
    }),
    gauge("node_memory_working_set_bytes", "[STABLE] Current working set of the node in bytes", {
      value: node.workingSet,
      at,
    }),
    gauge(
      "node_swap_usage_bytes",
      "[ALPHA] Current swap usage of the node in bytes. Reported only on non-windows systems",
      ...swapOf(node, { at }),
    ),
  ];
}

function containerMetrics({ pods, at }: Readings): Metric[] {
  const all = pods.flatMap(({ pod: { metadata }, containers }) =>
    containers.map((container) => ({
      ...container,
      labels: { container: container.name, namespace: String(metadata.namespace), pod: metadata.name },
    })),
  );
  return [
    counter(
      "container_cpu_usage_seconds_total",
      "[STABLE] Cumulative cpu time consumed by the container in core-seconds",
      ...all.map(({ labels, usage }) => ({ labels, value: usage.cpuSeconds, at })),
    ),
    gauge(
      "container_memory_working_set_bytes",
      "[STABLE] Current working set of the container in bytes",
      ...all.map(({ labels, usage }) => ({ labels, value: usage.workingSet, at })),
    ),
    gauge(
      "container_start_time_seconds",
      "[STABLE] Start time of the container since unix epoch in seconds",
      ...all.map(({ labels, startedAt }) => ({ labels, value: startedAt / 1000 })),
    ),
    gauge(
      "container_swap_usage_bytes",
      "[ALPHA] Current amount of the container swap usage in bytes. Reported only on non-windows systems",
      ...all.flatMap(({ labels, usage }) => swapOf(usage, { labels, at })),
    ),
  ];
}

function podMetrics({ pods, at }: Readings): Metric[] {
  const all = pods.map(({ pod: { metadata }, usage }) => ({
    usage,
    labels: { namespace: String(metadata.namespace), pod: metadata.name },
  }));
  return [
    counter(
      "pod_cpu_usage_seconds_total",
      "[STABLE] Cumulative cpu time consumed by the pod in core-seconds",
      ...all.map(({ labels, usage }) => ({ labels, value: usage.cpuSeconds, at })),
    ),
    gauge(
      "pod_memory_working_set_bytes",
      "[STABLE] Current working set of the pod in bytes",
      ...all.map(({ labels, usage }) => ({ labels, value: usage.workingSet, at })),
    ),
    gauge(
      "pod_swap_usage_bytes",
      "[ALPHA] Current amount of the pod swap usage in bytes. Reported only on non-windows systems",
      ...all.flatMap(({ labels, usage }) => swapOf(usage, { labels, at })),
    ),
  ];
}
