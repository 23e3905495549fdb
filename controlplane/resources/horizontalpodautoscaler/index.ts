import type {
  V2HorizontalPodAutoscaler,
  V2MetricSpec,
  V2MetricTarget,
  V2MetricValueStatus,
} from "#api/generated/types.js";
import { horizontalPodAutoscalers } from "#api/refs.js";
import { ageColumn, formatList, nameColumn } from "../columns.js";
import type { Kind } from "../kind.js";
import { defaultAutoscaler } from "./defaults.js";
import { validateAutoscaler, validateAutoscalerStatus } from "./validate.js";

type Autoscaler = V2HorizontalPodAutoscaler;

const SHOWN_TARGETS = 2;

/** "cpu: 35%/50%, memory: <unknown>/100Mi" */
function targets({ spec, status }: Autoscaler): string {
  const all = (spec?.metrics ?? []).map((metric, i) => {
    const [name, target] = named(metric);
    const current = status?.currentMetrics?.[i];
    const value = current?.type === metric.type ? named(current as V2MetricSpec)[2] : undefined;
    return `${name}: ${shown(value, target)}/${goal(target)}`;
  });
  return formatList(all, SHOWN_TARGETS, "<none>", ", ");
}

function named(metric: V2MetricSpec): [string, V2MetricTarget | undefined, V2MetricValueStatus | undefined] {
  const { resource, containerResource, pods, object, external } = metric;
  const source = resource ?? containerResource ?? pods ?? object ?? external;
  const { name = "" } = { ...(source as { name?: string }), ...(source as { metric?: { name: string } })?.metric };
  return [name, source?.target, (source as { current?: V2MetricValueStatus } | undefined)?.current];
}

const goal = (target: V2MetricTarget | undefined) =>
  target?.averageUtilization !== undefined
    ? `${target.averageUtilization}%`
    : (target?.averageValue ?? target?.value ?? "<auto>");

function shown(value: V2MetricValueStatus | undefined, target: V2MetricTarget | undefined): string {
  if (target?.averageUtilization !== undefined)
    return value?.averageUtilization !== undefined ? `${value.averageUtilization}%` : "<unknown>";
  return value?.averageValue ?? value?.value ?? "<unknown>";
}

/** https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ */
export const horizontalPodAutoscaler: Kind<Autoscaler> = {
  ...horizontalPodAutoscalers,
  singular: "horizontalpodautoscaler",
  shortNames: ["hpa"],
  categories: ["all"],
  schema: "V2HorizontalPodAutoscaler",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    {
      name: "Reference",
      type: "string",
      description: "What is scaled.",
      value: ({ spec }) => `${spec?.scaleTargetRef.kind}/${spec?.scaleTargetRef.name}`,
    },
    { name: "Targets", type: "string", description: "What is measured, and what it is to be.", value: targets },
    {
      name: "MinPods",
      type: "string",
      description: "The fewest pods.",
      value: ({ spec }) => String(spec?.minReplicas ?? "<unset>"),
    },
    { name: "MaxPods", type: "integer", description: "The most pods.", value: ({ spec }) => spec?.maxReplicas },
    {
      name: "Replicas",
      type: "integer",
      description: "Pods there are.",
      value: ({ status }) => status?.currentReplicas ?? 0,
    },
    ageColumn,
  ],
  subresources: { status: { validate: validateAutoscalerStatus } },
  defaults: defaultAutoscaler,
  validate: validateAutoscaler,
  prepareForCreate(object) {
    object.status = { desiredReplicas: 0 };
  },
};
