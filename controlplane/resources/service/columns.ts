import type { Service } from "#api/generated/types.js";
import { formatLabels } from "#api/selectors.js";
import { ageColumn, nameColumn } from "../columns.js";
import type { Column } from "../kind.js";

function externalIP({ spec, status }: Service): string {
  const listed = spec.externalIPs ?? [];
  if (spec.type === "ExternalName") return spec.externalName ?? "";
  if (spec.type !== "LoadBalancer") return listed.join(",") || "<none>";
  const ingress = (status?.loadBalancer?.ingress ?? []).map((entry) => entry.ip || entry.hostname || "");
  return [...ingress, ...listed].filter((text) => text !== "").join(",") || "<pending>";
}

function ports({ spec }: Service): string {
  const texts = (spec.ports ?? []).map((p) => `${p.port}${p.nodePort ? `:${p.nodePort}` : ""}/${p.protocol}`);
  return texts.join(",") || "<none>";
}

export const serviceColumns: readonly Column<Service>[] = [
  nameColumn,
  { name: "Type", type: "string", description: "How the service is exposed.", value: ({ spec }) => spec.type },
  {
    name: "Cluster-IP",
    type: "string",
    description: "Address of the service inside the cluster.",
    value: ({ spec }) => spec.clusterIPs?.[0] || spec.clusterIP || "<none>",
  },
  { name: "External-IP", type: "string", description: "Addresses outside the cluster.", value: externalIP },
  { name: "Port(s)", type: "string", description: "Ports, with node ports where there are any.", value: ports },
  ageColumn,
  {
    name: "Selector",
    type: "string",
    priority: 1,
    description: "Labels of the pods that serve.",
    value: ({ spec }) => formatLabels(spec.selector) || "<none>",
  },
];
