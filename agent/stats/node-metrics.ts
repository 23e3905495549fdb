/** `/metrics` of the kubelet endpoint: this process and how many Pods there are. What they use is told at /metrics/resource. */
import type { Pod } from "#api/generated/types.js";
import { counter, gauge, type Metric, metricText, type Sample } from "./metric-text.js";
import type { StatsSource } from "./readings.js";

export function nodeMetrics(source: Pick<StatsSource, "nodeName" | "pods">): string {
  return metricText([...processMetrics(), ...kubeletMetrics(source)]);
}

function processMetrics(): Metric[] {
  const { user, system } = process.cpuUsage();
  const started = Date.now() / 1000 - process.uptime();
  return [
    gauge("process_resident_memory_bytes", "Resident memory of the agent.", { value: process.memoryUsage.rss() }),
    counter("process_cpu_seconds_total", "CPU time of the agent.", { value: (user + system) / 1e6 }),
    gauge("process_start_time_seconds", "When the agent was started, in seconds since the epoch.", { value: started }),
  ];
}

function kubeletMetrics({ nodeName, pods }: Pick<StatsSource, "nodeName" | "pods">): Metric[] {
  const all = pods();
  const statuses = all.flatMap(({ status }) => status?.containerStatuses ?? []);
  const inState = (name: "running" | "waiting" | "terminated", label: string): Sample => ({
    labels: { container_state: label },
    value: statuses.filter(({ state }) => state?.[name]).length,
  });
  return [
    gauge("kubelet_node_name", "The node's name. The count is always 1.", { labels: { node: nodeName }, value: 1 }),
    gauge("kubelet_running_pods", "Pods with the phase Running.", { value: all.filter(isRunning).length }),
    gauge(
      "kubelet_running_containers",
      "Containers by state.",
      inState("running", "running"),
      inState("waiting", "created"),
      inState("terminated", "exited"),
    ),
  ];
}

const isRunning = ({ status }: Pod) => status?.phase === "Running";
