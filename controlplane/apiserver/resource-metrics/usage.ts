/** From two samples to what was used between them. */
import type { V1beta1NodeMetrics, V1beta1PodMetrics } from "#api/generated/types.js";
import { formatQuantity, quantityFromBytes } from "#api/quantity.js";
import { formatTime } from "#api/time.js";
import type { NodeSample, Point } from "./sample.js";

type Measurement = Pick<V1beta1NodeMetrics, "timestamp" | "window" | "usage">;

/** Undefined when the points tell no use: the counter began anew, or they are of one moment. */
export function usageBetween(before: Point | undefined, after: Point | undefined): Measurement | undefined {
  if (!before || !after || after.at <= before.at) return undefined;
  if (after.startedAt !== before.startedAt || after.cpuSeconds < before.cpuSeconds) return undefined;
  const seconds = (after.at - before.at) / 1000;
  const nano = BigInt(Math.round(((after.cpuSeconds - before.cpuSeconds) / seconds) * 1e9));
  return {
    timestamp: formatTime(after.at),
    window: `${seconds}s`,
    usage: {
      cpu: formatQuantity({ nano, format: "DecimalSI" }),
      memory: formatQuantity(quantityFromBytes(after.memory)),
    },
  };
}

/** Undefined when use is not known of all its containers: part of it would look like all of it. @param key "namespace/name" */
export function podUsage(
  key: string,
  before: NodeSample | undefined,
  after: NodeSample | undefined,
): Pick<V1beta1PodMetrics, "timestamp" | "window" | "containers"> | undefined {
  const now = [...(after?.pods.get(key) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
  const known = now.map(([name, point]) => [name, usageBetween(before?.pods.get(key)?.get(name), point)] as const);
  const containers = known.flatMap(([name, measured]) => (measured ? [{ name, usage: measured.usage }] : []));
  const first = known[0]?.[1];
  if (!first || containers.length < known.length) return undefined;
  return { timestamp: first.timestamp, window: first.window, containers };
}
