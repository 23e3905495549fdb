import type { Node, Pod } from "#api/generated/types.js";
import { normalizeToMax, type Plugin } from "../framework.js";
import { matchesTerm } from "../node-selector.js";

/** Both `nodeSelector` and the required node affinity must hold; of the affinity's terms one is enough. */
function matches({ spec }: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  if (!Object.entries(spec.nodeSelector ?? {}).every(([key, value]) => labels[key] === value)) return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

export const nodeAffinity: Plugin = {
  name: "NodeAffinity",
  wakesOn: ["node-added", "node-changed"],
  filter({ pod }, { node }) {
    if (matches(pod, node)) return undefined;
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
