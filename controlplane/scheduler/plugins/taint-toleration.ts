import type { Toleration } from "#api/generated/types.js";
import { isTolerated, untoleratedTaint } from "#api/taints.js";
import { normalizeToMax, type Plugin } from "../framework.js";

const appliesToPreference = ({ effect }: Toleration) => !effect || effect === "PreferNoSchedule";

export const taintToleration: Plugin = {
  name: "TaintToleration",
  wakesOn: ["node-added", "node-changed"],
  filter({ pod }, { node }) {
    const taint = untoleratedTaint(node.spec.taints, pod.spec.tolerations);
    if (!taint) return undefined;
    return {
      reasons: [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`],
      unresolvable: true,
    };
  },
  scoring: {
    weight: 3,
    /** Counts the taints that ask to stay away and are not tolerated. */
    score({ pod }, { node }) {
      const tolerations = pod.spec.tolerations?.filter(appliesToPreference);
      const preferences = node.spec.taints?.filter((taint) => taint.effect === "PreferNoSchedule") ?? [];
      return preferences.filter((taint) => !isTolerated(tolerations, taint)).length;
    },
    normalize: (scores) => normalizeToMax(scores, true),
  },
};
