import type { Plugin } from "../framework.js";

/** Requests must fit into what is allocatable and not requested yet; limits do not count. */
export const nodeResourcesFit: Plugin = {
  name: "NodeResourcesFit",
  wakesOn: ["node-added", "node-changed", "pod-changed", "pod-removed"],
  filter({ requests }, node) {
    const reasons: string[] = [];
    let unresolvable = false;
    const pods = node.allocatable.get("pods") ?? 0;
    if (node.podCount + 1 > pods) reasons.push("Too many pods");
    for (const [name, amount] of requests) {
      if (amount === 0) continue;
      const allocatable = node.allocatable.get(name) ?? 0;
      if (amount <= allocatable - (node.requested.get(name) ?? 0)) continue;
      reasons.push(`Insufficient ${name}`);
      if (amount > allocatable) unresolvable = true;
    }
    return reasons.length > 0 ? { reasons, unresolvable } : undefined;
  },
};
