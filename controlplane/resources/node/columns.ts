import type { Node } from "#api/generated/types.js";
import { ageColumn, nameColumn } from "../columns.js";
import type { Column } from "../kind.js";

const ROLE_PREFIX = "node-role.kubernetes.io/";

function status(node: Node): string {
  const ready = node.status?.conditions?.find((c) => c.type === "Ready");
  const words = [ready ? (ready.status === "True" ? "Ready" : "NotReady") : "Unknown"];
  if (node.spec.unschedulable) words.push("SchedulingDisabled");
  return words.join(",");
}

function roles(node: Node): string {
  const names = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata.labels ?? {})) {
    if (key.startsWith(ROLE_PREFIX) && key.length > ROLE_PREFIX.length) names.add(key.slice(ROLE_PREFIX.length));
    else if (key === "kubernetes.io/role" && value) names.add(value);
  }
  return [...names].sort().join(",") || "<none>";
}

const address = (node: Node, type: string) => node.status?.addresses?.find((a) => a.type === type)?.address || "<none>";

function wide(name: string, description: string, value: (node: Node) => string): Column<Node> {
  return { name, type: "string", priority: 1, description, value };
}

export const nodeColumns: readonly Column<Node>[] = [
  nameColumn,
  { name: "Status", type: "string", description: "Whether the node takes and runs pods.", value: status },
  { name: "Roles", type: "string", description: "Roles of the node, from its labels.", value: roles },
  ageColumn,
  {
    name: "Version",
    type: "string",
    description: "Kubelet version of the node.",
    value: (node) => node.status?.nodeInfo?.kubeletVersion ?? "",
  },
  wide("Internal-IP", "Address of the node inside the cluster.", (node) => address(node, "InternalIP")),
  wide("External-IP", "Address of the node outside the cluster.", (node) => address(node, "ExternalIP")),
  wide("OS-Image", "Operating system of the node.", (node) => node.status?.nodeInfo?.osImage || "<unknown>"),
  wide("Kernel-Version", "Kernel of the node.", (node) => node.status?.nodeInfo?.kernelVersion || "<unknown>"),
  wide(
    "Container-Runtime",
    "Container runtime of the node and its version.",
    (node) => node.status?.nodeInfo?.containerRuntimeVersion || "<unknown>",
  ),
];
