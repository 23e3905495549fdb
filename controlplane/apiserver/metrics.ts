/** Counts what the API server does, in Prometheus' text form, under upstream's metric names. */
import type { Reply } from "./reply.js";
import type { RequestInfo, ResourceInfo } from "./request-info.js";

/** Upper bounds in seconds. */
const BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

interface Series {
  readonly labels: string;
  readonly counts: number[];
  total: number;
  /** Seconds. */
  sum: number;
}

export class RequestMetrics {
  readonly #byKey = new Map<string, Series & { code: number }>();
  /** Streams open right now. */
  streams = 0;

  /**
   * @param isServed whether there is such a resource: names that clients make up are counted together, or anybody could
   * make the server remember any number of them
   */
  constructor(private readonly isServed: (resource: ResourceInfo) => boolean) {}

  observe({ verb, resource: named }: RequestInfo, code: number, seconds: number): void {
    const resource = named && this.isServed(named) ? named : undefined;
    const info = { verb, resource };
    const key = resource
      ? `${info.verb} ${resource.group}/${resource.plural}/${resource.subresource ?? ""} ${code}`
      : `${info.verb} ${code}`;
    let series = this.#byKey.get(key);
    if (!series) {
      series = { labels: labelsOf(info), code, counts: new Array(BUCKETS.length).fill(0), total: 0, sum: 0 };
      this.#byKey.set(key, series);
    }
    series.total++;
    series.sum += seconds;
    for (let i = BUCKETS.length - 1; i >= 0 && seconds <= BUCKETS[i]!; i--) series.counts[i]!++;
  }

  text(): string {
    const lines = ["# HELP apiserver_request_total Requests answered.", "# TYPE apiserver_request_total counter"];
    const all = [...this.#byKey.values()];
    for (const { labels, code, total } of all) lines.push(`apiserver_request_total{${labels},code="${code}"} ${total}`);
    const name = "apiserver_request_duration_seconds";
    lines.push(`# HELP ${name} Time to answer, in seconds.`, `# TYPE ${name} histogram`);
    for (const { labels, code, counts, total, sum } of all) {
      const own = `${labels},code="${code}"`;
      for (const [i, bound] of BUCKETS.entries()) lines.push(`${name}_bucket{${own},le="${bound}"} ${counts[i]}`);
      lines.push(
        `${name}_bucket{${own},le="+Inf"} ${total}`,
        `${name}_sum{${own}} ${sum}`,
        `${name}_count{${own}} ${total}`,
      );
    }
    const { rss, heapUsed } = process.memoryUsage();
    const cpu = process.cpuUsage();
    lines.push(
      "# TYPE apiserver_longrunning_requests gauge",
      `apiserver_longrunning_requests ${this.streams}`,
      "# TYPE process_resident_memory_bytes gauge",
      `process_resident_memory_bytes ${rss}`,
      "# TYPE nodejs_heap_size_used_bytes gauge",
      `nodejs_heap_size_used_bytes ${heapUsed}`,
      "# TYPE process_cpu_seconds_total counter",
      `process_cpu_seconds_total ${(cpu.user + cpu.system) / 1e6}`,
    );
    return `${lines.join("\n")}\n`;
  }

  reply(): Reply {
    return { status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8", chunks: [Buffer.from(this.text())] };
  }
}

function labelsOf({ verb, resource }: Pick<RequestInfo, "verb" | "resource">): string {
  const { group = "", version = "", plural = "", subresource = "" } = resource ?? {};
  const label = (name: string, value: string) => `${name}=${JSON.stringify(value)}`;
  return [
    label("verb", verb.toUpperCase()),
    label("group", group),
    label("version", version),
    label("resource", plural),
    label("subresource", subresource),
  ].join(",");
}
