import type { Plugin } from "../framework.js";

export const nodeName: Plugin = {
  name: "NodeName",
  wakesOn: ["node-added"],
  filter({ pod }, node) {
    if (!pod.spec.nodeName || pod.spec.nodeName === node.name) return undefined;
    return { reasons: ["node(s) didn't match the requested node name"], unresolvable: true };
  },
};
