import type { Node } from "#api/generated/types.js";
import { nodes } from "#api/refs.js";
import type { Kind } from "../kind.js";
import { nodeColumns } from "./columns.js";
import { taintNewNode } from "./taint.js";
import { validateNode, validateNodeUpdate } from "./validate.js";

/** https://kubernetes.io/docs/concepts/architecture/nodes/ */
export const node: Kind<Node> = {
  ...nodes,
  singular: "node",
  shortNames: ["no"],
  schema: "Node",
  nameRule: "dns-subdomain",
  columns: nodeColumns,
  subresources: { status: true, connect: ["proxy"] },
  selectableFields: ({ spec }) => ({ "spec.unschedulable": String(spec.unschedulable ?? false) }),
  defaults,
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  admission: { beforeWrite: taintNewNode },
};

/** The single range and the list say the same; what is not reserved can be used. */
function defaults(object: Node): void {
  object.spec ??= {};
  const { spec, status } = object;
  if (spec.podCIDRs?.length) spec.podCIDR = spec.podCIDRs[0];
  else if (spec.podCIDR) spec.podCIDRs = [spec.podCIDR];
  if (status?.capacity && !status.allocatable) status.allocatable = { ...status.capacity };
}
