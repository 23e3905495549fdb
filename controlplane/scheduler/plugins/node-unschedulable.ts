import { isTolerated, UNSCHEDULABLE } from "#api/taints.js";
import type { Plugin } from "../framework.js";

/** Cordoned nodes take no new Pods but those that tolerate the cordon. */
export const nodeUnschedulable: Plugin = {
  name: "NodeUnschedulable",
  wakesOn: ["node-added", "node-changed"],
  filter({ pod }, { node }) {
    if (!node.spec.unschedulable) return undefined;
    if (isTolerated(pod.spec.tolerations, { key: UNSCHEDULABLE, effect: "NoSchedule" })) return undefined;
    return { reasons: ["node(s) were unschedulable"], unresolvable: true };
  },
};
