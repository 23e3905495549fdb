import type { Node } from "#api/generated/types.js";
import type { AdmissionContext } from "../kind.js";

const NOT_READY = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" };

/**
 * A node is not ready before it says so: the taint keeps pods away until the node controller has seen it ready
 * (admission plugin TaintNodesByCondition).
 */
export function taintNewNode(node: Node, old: Node | undefined, context: AdmissionContext): void {
  if (old || context.subresource) return;
  const taints = node.spec.taints ?? [];
  const tainted = taints.some(({ key, effect }) => key === NOT_READY.key && effect === NOT_READY.effect);
  if (!tainted) node.spec.taints = [...taints, { ...NOT_READY }];
}
