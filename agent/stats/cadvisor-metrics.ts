/** `/metrics/cadvisor`, the part of it that dashboards and alerts ask for most: CPU, memory and network of running Pods. */

import { counter, gauge, metricText, type Sample } from "./metric-text.js";
import { podNetwork } from "./network-usage.js";
import { containerFolder, type PodReading, podFolder, type Readings, type StatsSource } from "./readings.js";

export async function cadvisorMetrics(source: StatsSource, { pods, at }: Readings): Promise<string> {
  const rows = pods.flatMap((reading) => rowsOf(source, reading));
  const series = (value: (row: Row) => number) => rows.map((row) => ({ labels: row.labels, value: value(row), at }));
  const network = await Promise.all(pods.map((reading) => networkOf(source, reading, at)));
  const traffic = (side: "rx" | "tx") => network.flatMap((samples) => samples[side]);
  return metricText([
    counter(
      "container_cpu_usage_seconds_total",
      "Cumulative cpu time consumed in seconds.",
      ...series(({ usage }) => usage.cpuSeconds).map((sample) => ({
        ...sample,
        labels: { ...sample.labels, cpu: "total" },
      })),
    ),
    gauge("container_memory_rss", "Size of RSS in bytes.", ...series(({ usage }) => usage.rss)),
    gauge("container_memory_usage_bytes", "Current memory usage in bytes.", ...series(({ usage }) => usage.memory)),
    gauge(
      "container_memory_working_set_bytes",
      "Current working set in bytes.",
      ...series(({ usage }) => usage.workingSet),
    ),
    counter("container_network_receive_bytes_total", "Cumulative count of bytes received", ...traffic("rx")),
    counter("container_network_transmit_bytes_total", "Cumulative count of bytes transmitted", ...traffic("tx")),
  ]);
}

interface Row {
  labels: Record<string, string>;
  usage: PodReading["usage"];
}

/** A row for the Pod as a whole, without a container's name, and one for each container. */
function rowsOf(source: StatsSource, { pod, usage, containers }: PodReading): Row[] {
  const own = { namespace: String(pod.metadata.namespace), pod: pod.metadata.name };
  return [
    { labels: { container: "", id: podFolder(source, pod), image: "", name: "", ...own }, usage },
    ...containers.map(({ name, id, image, usage: used }) => ({
      labels: { container: name, id: containerFolder(source, pod, id), image, name: id, ...own },
      usage: used,
    })),
  ];
}

async function networkOf(source: StatsSource, reading: PodReading, at: number): Promise<Record<"rx" | "tx", Sample[]>> {
  const { pod } = reading;
  const interfaces = await podNetwork(source, reading);
  const of = (value: (one: (typeof interfaces)[number]) => number) =>
    interfaces.map((one) => ({
      labels: {
        ...{ container: "", id: podFolder(source, pod), image: "", interface: one.name, name: "" },
        ...{ namespace: String(pod.metadata.namespace), pod: pod.metadata.name },
      },
      value: value(one),
      at,
    }));
  return { rx: of(({ rxBytes }) => rxBytes), tx: of(({ txBytes }) => txBytes) };
}
