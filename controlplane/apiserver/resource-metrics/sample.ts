/**
 * What a kubelet says at /metrics/resource. Of Prometheus' text format only what stands in that document is read, one sample a
 * line; the packages that read all of it drop the times of the samples, which are what rates are made of.
 */

/** A counter of CPU time and the memory in use, at one moment. */
export interface Point {
  /** Milliseconds since the epoch. */
  at: number;
  cpuSeconds: number;
  /** Bytes: the working set. */
  memory: number;
  /** Seconds since the epoch; of containers. */
  startedAt?: number;
}

export interface NodeSample {
  node?: Point;
  /** By "namespace/name", then by the container's name. */
  pods: Map<string, Map<string, Point>>;
}

type Field = "cpuSeconds" | "memory" | "startedAt";

const FIELDS: Readonly<Record<string, Field>> = {
  node_cpu_usage_seconds_total: "cpuSeconds",
  node_memory_working_set_bytes: "memory",
  container_cpu_usage_seconds_total: "cpuSeconds",
  container_memory_working_set_bytes: "memory",
  container_start_time_seconds: "startedAt",
};
const SAMPLE = /^(\w+)(?:\{(.*)\})? (\S+)(?: (\d+))?$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** @param now stands in for the time of a sample that has none; in ms since the epoch */
export function parseSample(text: string, now: number): NodeSample {
  const partial = new Map<string, Partial<Point>>();
  for (const line of text.split("\n")) {
    const [, name = "", labels = "", value = "", at] = SAMPLE.exec(line) ?? [];
    const field = FIELDS[name];
    if (!field) continue;
    const key = name.startsWith("node_") ? "" : containerKey(labels);
    const point = partial.get(key) ?? {};
    point[field] = Number(value);
    if (field === "cpuSeconds") point.at = at === undefined ? now : Number(at);
    partial.set(key, point);
  }
  return assemble(partial);
}

function containerKey(text: string): string {
  const labels = new Map([...text.matchAll(LABEL)].map(([, name, value]) => [name, value]));
  return [labels.get("namespace"), labels.get("pod"), labels.get("container")].join("/");
}

/** What lacks CPU or memory is left out. */
function assemble(partial: ReadonlyMap<string, Partial<Point>>): NodeSample {
  const sample: NodeSample = { pods: new Map() };
  for (const [key, { at, cpuSeconds, memory, startedAt }] of partial) {
    if (at === undefined || cpuSeconds === undefined || memory === undefined) continue;
    const point: Point = { at, cpuSeconds, memory, startedAt };
    if (key === "") {
      sample.node = point;
      continue;
    }
    const [namespace, pod, container = ""] = key.split("/");
    const containers = sample.pods.get(`${namespace}/${pod}`) ?? new Map<string, Point>();
    sample.pods.set(`${namespace}/${pod}`, containers.set(container, point));
  }
  return sample;
}
