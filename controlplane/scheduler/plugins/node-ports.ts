import type { Plugin } from "../framework.js";

export const nodePorts: Plugin = {
  name: "NodePorts",
  wakesOn: ["node-added", "pod-removed"],
  filter({ hostPorts }, node) {
    if (hostPorts.every((port) => node.hasFreePort(port))) return undefined;
    return { reasons: ["node(s) didn't have free ports for the requested pod ports"] };
  },
};
