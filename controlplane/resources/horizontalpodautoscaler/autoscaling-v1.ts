/** HorizontalPodAutoscalers as older clients write and read them (`kubectl autoscale` before 1.34): one goal, CPU in percent. */
import type { HorizontalPodAutoscaler, V2HorizontalPodAutoscaler, V2MetricSpec } from "#api/generated/types.js";
import type { Draft, KubeObject } from "#api/object.js";
import { horizontalPodAutoscalers, horizontalPodAutoscalersV1 } from "#api/refs.js";
import { groupVersion } from "#api/resource.js";
import type { Column, Kind } from "../kind.js";
import { horizontalPodAutoscaler } from "./index.js";

type Older = HorizontalPodAutoscaler;
type Newer = V2HorizontalPodAutoscaler;

const isCpuGoal = ({ type, resource }: V2MetricSpec) =>
  type === "Resource" && resource?.name === "cpu" && resource.target.averageUtilization !== undefined;

/** What this version has no words for (other goals, behavior, conditions) stays as it is stored. */
function stored({ metadata, spec, status }: Older, source?: KubeObject): Newer {
  const before = source as Newer | undefined;
  const { targetCPUUtilizationPercentage: goal, ...same } = spec!;
  const others = (before?.spec?.metrics ?? []).filter((metric) => !isCpuGoal(metric));
  const target = { type: "Utilization", averageUtilization: goal };
  const cpu: V2MetricSpec[] = goal === undefined ? [] : [{ type: "Resource", resource: { name: "cpu", target } }];
  const { currentCPUUtilizationPercentage: _, ...counts } = status ?? { desiredReplicas: 0 };
  return {
    apiVersion: groupVersion(horizontalPodAutoscalers),
    kind: horizontalPodAutoscalers.kind,
    metadata,
    spec: { ...same, metrics: [...cpu, ...others], behavior: before?.spec?.behavior },
    status: { ...before?.status, ...counts },
  };
}

function shown(source: KubeObject): Omit<Draft<Older>, "apiVersion" | "kind"> {
  const { metadata, spec, status } = source as Newer;
  const { maxReplicas = 0, minReplicas, scaleTargetRef, metrics = [] } = spec ?? {};
  const { currentReplicas = 0, desiredReplicas = 0, lastScaleTime, observedGeneration, currentMetrics } = status ?? {};
  const used = currentMetrics?.find(({ resource }) => resource?.name === "cpu")?.resource?.current.averageUtilization;
  return {
    metadata,
    spec: {
      maxReplicas,
      minReplicas,
      scaleTargetRef: scaleTargetRef!,
      targetCPUUtilizationPercentage: metrics.find(isCpuGoal)?.resource?.target.averageUtilization,
    },
    status: {
      currentReplicas,
      desiredReplicas,
      lastScaleTime,
      observedGeneration,
      currentCPUUtilizationPercentage: used,
    },
  };
}

/** Shown from what this version says, use included. */
function asStored(column: Column<Newer>): Column<Older> {
  return {
    ...column,
    value(object, now) {
      const { currentCPUUtilizationPercentage: used } = object.status ?? {};
      const newer = stored(object);
      if (used !== undefined) {
        const current = { averageUtilization: used };
        newer.status = { ...newer.status!, currentMetrics: [{ type: "Resource", resource: { name: "cpu", current } }] };
      }
      return column.value(newer, now);
    },
  };
}

export const horizontalPodAutoscalerV1: Kind<Older> = {
  ...horizontalPodAutoscalersV1,
  singular: "horizontalpodautoscaler",
  shortNames: ["hpa"],
  categories: ["all"],
  schema: "HorizontalPodAutoscaler",
  nameRule: "dns-subdomain",
  view: { of: horizontalPodAutoscalers, project: shown, accept: (object, source) => stored(object, source) },
  subresources: { status: true },
  columns: (horizontalPodAutoscaler.columns ?? []).map(asStored),
};
