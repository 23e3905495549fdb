import { normalizeToMax, type Plugin } from "../framework.js";

/** Spreads the Pods of one owner over nodes; stands in for the default topology spread constraints, for Pods without their own. */
export const ownerSpread: Plugin = {
  name: "OwnerSpread",
  scoring: {
    weight: 2,
    score: ({ owner, pod }, node) => (owner && !pod.spec.topologySpreadConstraints?.length ? node.siblings(owner) : 0),
    normalize: (scores) => normalizeToMax(scores, true),
  },
};
