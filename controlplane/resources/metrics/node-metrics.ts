import type { V1beta1NodeMetrics } from "#api/generated/types.js";
import { nodeMetrics as ref } from "#api/refs.js";
import type { Kind } from "../kind.js";
import { usageColumns } from "./columns.js";

/** What nodes use. https://kubernetes.io/docs/tasks/debug/debug-cluster/resource-metrics-pipeline/ */
export const nodeMetrics: Kind<V1beta1NodeMetrics> = {
  ...ref,
  singular: "node",
  schema: "V1beta1NodeMetrics",
  nameRule: "dns-subdomain",
  computed: true,
  columns: usageColumns<V1beta1NodeMetrics>(({ usage }) => usage),
};
