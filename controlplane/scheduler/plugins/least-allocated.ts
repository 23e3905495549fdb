import type { Plugin } from "../framework.js";

const SCORED = ["cpu", "memory"];

/** Prefers nodes with the larger share of CPU and memory left over after the Pod. */
export const leastAllocated: Plugin = {
  name: "LeastAllocated",
  scoring: {
    weight: 1,
    score({ scored }, node) {
      let total = 0;
      let counted = 0;
      for (const name of SCORED) {
        const allocatable = node.allocatable.get(name) ?? 0;
        if (allocatable === 0) continue;
        const requested = (node.scored.get(name) ?? 0) + (scored.get(name) ?? 0);
        total += Math.max(0, ((allocatable - requested) * 100) / allocatable);
        counted++;
      }
      return counted === 0 ? 0 : total / counted;
    },
  },
};
