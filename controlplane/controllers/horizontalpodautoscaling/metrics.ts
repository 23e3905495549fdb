/** What the metrics of an autoscaler say: one demand each, or why there is none. */
import type {
  Pod,
  V1beta1PodMetrics,
  V2HorizontalPodAutoscalerSpec,
  V2MetricSpec,
  V2MetricStatus,
  V2MetricTarget,
} from "#api/generated/types.js";
import { toResources } from "#api/pod-resources.js";
import { formatQuantity, quantityFromBytes, quantityFromMilli, quantityMilli } from "#api/quantity.js";
import { type Demand, demandForAverage, demandForUtilization, type Reading, type Tolerance } from "./replicas.js";

/** Where the object names none. */
const TOLERANCE = 0.1;

export interface Source {
  readonly pods: readonly Pod[];
  /** Of the Pods, as the metrics API has them, or why it has not. */
  readonly metrics: readonly V1beta1PodMetrics[] | Error;
  readonly current: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface Evaluated {
  readonly replicas: number;
  readonly status: V2MetricStatus;
  /** As it is named in Events: "cpu resource utilization (percentage of request)". */
  readonly name: string;
}

/** An Error's reason for the condition ScalingActive. */
export class MetricError extends Error {
  constructor(
    readonly reason: string,
    message: string,
  ) {
    super(message);
  }
}

/** @throws MetricError */
export function evaluate(metric: V2MetricSpec, spec: V2HorizontalPodAutoscalerSpec, source: Source): Evaluated {
  const { type, resource, containerResource } = metric;
  if (type === "Resource" && resource) {
    const { demand, name } = evaluateResource(resource.name, resource.target, spec, source);
    const current = currentValue(resource.name, demand);
    return { replicas: demand.replicas, name, status: { type, resource: { name: resource.name, current } } };
  }
  if (type === "ContainerResource" && containerResource) {
    const { name: resourceName, container, target } = containerResource;
    const { demand, name } = evaluateResource(resourceName, target, spec, source, container);
    const status = { name: resourceName, container, current: currentValue(resourceName, demand) };
    return { replicas: demand.replicas, name, status: { type, containerResource: status } };
  }
  // What is measured by others comes through metrics APIs that Berth does not serve.
  const api = type === "External" ? "external.metrics.k8s.io" : "custom.metrics.k8s.io";
  const why = `unable to get metrics from ${type} source: no metrics API ${api} is served`;
  throw new MetricError(`FailedGet${type}Metric`, why);
}

function evaluateResource(
  resource: string,
  target: V2MetricTarget,
  { behavior }: V2HorizontalPodAutoscalerSpec,
  { pods, metrics, current, now }: Source,
  container?: string,
): { demand: Demand; name: string } {
  const of = container ? `${resource} container resource` : `${resource} resource`;
  const tolerance: Tolerance = {
    up: toleranceOf(behavior?.scaleUp?.tolerance),
    down: toleranceOf(behavior?.scaleDown?.tolerance),
  };
  const { averageUtilization, averageValue } = target;
  try {
    if (metrics instanceof Error) throw unavailable(resource, metrics.message);
    const readings = readingsOf(resource, metrics, container);
    if (readings.size === 0) throw unavailable(resource, "no metrics returned from resource metrics API");
    const measured = { resource, pods, readings, now, requestOf: (pod: Pod) => requestOf(pod, resource, container) };
    if (averageUtilization !== undefined)
      return {
        demand: demandForUtilization(current, averageUtilization, tolerance, measured),
        name: `${of} utilization (percentage of request)`,
      };
    const goal = toResources({ [resource]: averageValue ?? "0" }).get(resource) ?? 0;
    return { demand: demandForAverage(current, goal, tolerance, measured), name: of };
  } catch (error) {
    const reason = container ? "FailedGetContainerResourceMetric" : "FailedGetResourceMetric";
    const what = averageUtilization !== undefined ? "utilization" : "usage";
    throw new MetricError(reason, `failed to get ${resource} ${what}: ${(error as Error).message}`);
  }
}

const unavailable = (resource: string, why: string) =>
  new Error(`unable to get metrics for resource ${resource}: ${why}`);

const toleranceOf = (text: string | undefined) => (text === undefined ? TOLERANCE : quantityMilli(text) / 1000);

function currentValue(
  resource: string,
  { average, utilization }: Demand,
): { averageUtilization?: number; averageValue: string } {
  const whole = Math.trunc(average);
  const averageValue = formatQuantity(resource === "cpu" ? quantityFromMilli(whole) : quantityFromBytes(whole));
  return { averageValue, ...(utilization !== undefined && { averageUtilization: utilization }) };
}

function readingsOf(
  resource: string,
  metrics: readonly V1beta1PodMetrics[],
  container: string | undefined,
): Map<string, Reading> {
  const readings = new Map<string, Reading>();
  for (const { metadata, containers, timestamp, window } of metrics) {
    const chosen = container ? containers.filter(({ name }) => name === container) : containers;
    const values = chosen.map(({ usage }) => toResources(usage).get(resource));
    if (values.length === 0 || values.includes(undefined)) continue;
    const value = values.reduce<number>((sum, each) => sum + (each ?? 0), 0);
    readings.set(metadata?.name ?? "", { value, at: Date.parse(timestamp), span: Number.parseFloat(window) * 1000 });
  }
  return readings;
}

/** Of all containers that run on, or of one. @throws Error naming the first that asks for nothing */
function requestOf({ metadata, spec }: Pod, resource: string, container: string | undefined): number {
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  const all = [...spec.containers, ...sidecars].filter(({ name }) => container === undefined || name === container);
  if (all.length === 0) throw new Error(`container ${container} not found in Pod ${metadata.name}`);
  return all.reduce((sum, { name, resources }) => {
    const request = toResources(resources?.requests).get(resource);
    if (request === undefined)
      throw new Error(`missing request for ${resource} in container ${name} of Pod ${metadata.name}`);
    return sum + request;
  }, 0);
}
