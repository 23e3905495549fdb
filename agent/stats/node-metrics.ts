/** `/metrics` of the kubelet endpoint: this process, the node, and what each Pod uses. */
import { readFileSync } from "node:fs";
import type { Pod } from "#api/generated/types.js";
import { type CgroupLayout, sliceFolder } from "../host/cgroup-layout.js";
import { meminfo } from "../host/machine.js";
import { podCgroup } from "../pods/pod-cgroup.js";
import { qosClass } from "../pods/qos.js";
import { type CgroupUsage, cgroupUsage } from "./cgroup-usage.js";
import { type Metric, metricText, type Sample } from "./metric-text.js";

export interface MetricsSource {
  nodeName: string;
  pods(): readonly Pod[];
  layout: CgroupLayout;
  driver: "cgroupfs" | "systemd";
  /** The node's own cgroup root. */
  cgroupRoot: string;
}

export async function nodeMetrics(source: MetricsSource): Promise<string> {
  const pods = source.pods();
  const usages = await podUsages(source, pods);
  return metricText([...processMetrics(), ...kubeletMetrics(source, pods), ...machineMetrics(), ...podMetrics(usages)]);
}

type PodUsage = { pod: Pod; usage: CgroupUsage };

async function podUsages(source: MetricsSource, pods: readonly Pod[]): Promise<PodUsage[]> {
  const all = await Promise.all(
    pods.map(async (pod) => {
      const path = podCgroup(source.cgroupRoot, qosClass(pod), String(pod.metadata.uid));
      const usage = await cgroupUsage(source.layout, source.driver === "systemd" ? sliceFolder(path) : path);
      return usage ? [{ pod, usage }] : [];
    }),
  );
  return all.flat();
}

function processMetrics(): Metric[] {
  const { user, system } = process.cpuUsage();
  const started = Date.now() / 1000 - process.uptime();
  return [
    gauge("process_resident_memory_bytes", "Resident memory of the agent.", process.memoryUsage.rss()),
    counter("process_cpu_seconds_total", "CPU time of the agent.", (user + system) / 1e6),
    gauge("process_start_time_seconds", "When the agent was started, in seconds since the epoch.", started),
  ];
}

function kubeletMetrics({ nodeName }: MetricsSource, pods: readonly Pod[]): Metric[] {
  const statuses = pods.flatMap(({ status }) => status?.containerStatuses ?? []);
  const inState = (name: "running" | "waiting" | "terminated", label: string): Sample => ({
    labels: { container_state: label },
    value: statuses.filter(({ state }) => state?.[name]).length,
  });
  return [
    { ...gauge("kubelet_node_name", "The node's name. The count is always 1."), samples: [labelled(nodeName)] },
    gauge("kubelet_running_pods", "Pods with the phase Running.", pods.filter(isRunning).length),
    {
      ...gauge("kubelet_running_containers", "Containers by state."),
      samples: [inState("running", "running"), inState("waiting", "created"), inState("terminated", "exited")],
    },
  ];
}

const labelled = (node: string): Sample => ({ labels: { node }, value: 1 });
const isRunning = ({ status }: Pod) => status?.phase === "Running";

/** Clock ticks a second in /proc/stat: fixed in Linux' interface to user space. */
const TICKS = 100;

function machineMetrics(): Metric[] {
  const [, user, nice, system, , , irq, softirq] = readFileSync("/proc/stat", "utf8")
    .split("\n")[0]!
    .split(/\s+/)
    .map(Number);
  const { total, available } = meminfo();
  return [
    counter(
      "node_cpu_usage_seconds_total",
      "CPU time of the whole node.",
      (user! + nice! + system! + irq! + softirq!) / TICKS,
    ),
    gauge("node_memory_working_set_bytes", "Memory in use on the whole node.", total - available),
  ];
}

function podMetrics(usages: readonly PodUsage[]): Metric[] {
  const samples = (value: (usage: CgroupUsage) => number) =>
    usages.map(({ pod: { metadata }, usage }) => ({
      labels: { namespace: String(metadata.namespace), pod: metadata.name },
      value: value(usage),
    }));
  return [
    {
      ...counter("pod_cpu_usage_seconds_total", "CPU time of the Pod."),
      samples: samples((usage) => usage.cpuSeconds),
    },
    {
      ...gauge("pod_memory_working_set_bytes", "Working set of the Pod."),
      samples: samples((usage) => usage.workingSet),
    },
  ];
}

function metric(type: Metric["type"], name: string, help: string, value?: number): Metric {
  return { name, type, help, samples: value === undefined ? [] : [{ value }] };
}
const gauge = (name: string, help: string, value?: number) => metric("gauge", name, help, value);
const counter = (name: string, help: string, value?: number) => metric("counter", name, help, value);
