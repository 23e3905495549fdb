import { normalizeToMax, type Plugin } from "../framework.js";

/** Spreads the Pods of one owner over nodes; stands in for the default topology spread constraints. */
export const ownerSpread: Plugin = {
  name: "OwnerSpread",
  scoring: {
    weight: 2,
    score: ({ owner }, node) => (owner ? node.siblings(owner) : 0),
    normalize: (scores) => normalizeToMax(scores, true),
  },
};
