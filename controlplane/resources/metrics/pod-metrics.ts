import type { V1beta1PodMetrics } from "#api/generated/types.js";
import { addQuantities, formatQuantity } from "#api/quantity.js";
import { podMetrics as ref } from "#api/refs.js";
import type { Kind } from "../kind.js";
import { usageColumns } from "./columns.js";

/** What Pods' containers use. https://kubernetes.io/docs/tasks/debug/debug-cluster/resource-metrics-pipeline/ */
export const podMetrics: Kind<V1beta1PodMetrics> = {
  ...ref,
  singular: "pod",
  schema: "V1beta1PodMetrics",
  nameRule: "dns-subdomain",
  computed: true,
  columns: usageColumns<V1beta1PodMetrics>(({ containers }) => ({
    cpu: sumOf(containers, "cpu"),
    memory: sumOf(containers, "memory"),
  })),
};

function sumOf(containers: V1beta1PodMetrics["containers"], resource: string): string {
  const all = containers.map(({ usage }) => usage[resource] ?? "0");
  return all.reduce((sum, quantity) => formatQuantity(addQuantities(sum, quantity)), "0");
}
