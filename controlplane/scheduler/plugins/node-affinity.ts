import { matchesNodeSelection, matchesTerm } from "#api/node-selector.js";
import { normalizeToMax, type Plugin } from "../framework.js";

export const nodeAffinity: Plugin = {
  name: "NodeAffinity",
  wakesOn: ["node-added", "node-changed"],
  filter({ pod }, { node }) {
    if (matchesNodeSelection(pod, node)) return undefined;
    return { reasons: ["node(s) didn't match Pod's node affinity/selector"], unresolvable: true };
  },
  scoring: {
    weight: 2,
    score({ pod }, { node }) {
      const preferred = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
      return preferred
        .filter(({ preference }) => matchesTerm(preference, node))
        .reduce((total, { weight }) => total + weight, 0);
    },
    normalize: (scores) => normalizeToMax(scores),
  },
};
