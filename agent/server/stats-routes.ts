import type { Express } from "express";

/** What the node and its Pods use, in the forms in which it is asked for. */
export interface NodeStats {
  /** In Prometheus' text format: the agent itself; CPU and memory for a metrics server; more, for dashboards. */
  metrics(): string;
  resourceMetrics(): Promise<string>;
  cadvisorMetrics(): Promise<string>;
  /** @param computeOnly CPU and memory, which cost little, without disks and networks */
  summary(computeOnly: boolean): Promise<object>;
}

const METRICS = "text/plain; version=0.0.4";

/** The kubelet's paths. https://kubernetes.io/docs/reference/instrumentation/node-metrics/ */
export function addStats(app: Express, stats: NodeStats): void {
  app.get("/metrics", (_request, response) => void response.type(METRICS).send(stats.metrics()));
  app.get("/metrics/resource", async (_request, response) => {
    response.type(METRICS).send(await stats.resourceMetrics());
  });
  app.get("/metrics/cadvisor", async (_request, response) => {
    response.type(METRICS).send(await stats.cadvisorMetrics());
  });
  app.get("/stats/summary", async (request, response) => {
    response.json(await stats.summary(request.query["only_cpu_and_memory"] === "true"));
  });
}
