/** Gives every node its own range of Pod addresses out of the cluster's. */
import type { Node } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { nodes } from "#api/refs.js";
import { type Controller, watch } from "./controller.js";
import { nextNodeRange } from "./node-ipam/cidr.js";

const rangesOf = ({ spec }: Node): readonly string[] => spec.podCIDRs ?? (spec.podCIDR ? [spec.podCIDR] : []);

const isWithoutRange = (node: Node) => rangesOf(node).length === 0;

/** @param podCIDRs the cluster's ranges, one for each address family */
export function nodeIpamController(podCIDRs: readonly string[]): Controller {
  /** Given out by this process; a cache may not show them yet. */
  const given = new Map<string, readonly string[]>();
  return {
    name: "node-ipam",
    component: "cidrAllocator",
    workers: 1,
    watches: [
      watch({
        ref: nodes,
        // What a node leaves behind may be what another waits for.
        keys: (node, { informer }, _old, deleted) => [
          keyOf(node),
          ...(deleted ? informer(nodes).list().filter(isWithoutRange).map(keyOf) : []),
        ],
      }),
    ],
    async reconcile(name, { client, informer, event }) {
      const all = informer(nodes);
      const node = all.get(name);
      if (!node || rangesOf(node).length > 0) {
        given.delete(name);
        return undefined;
      }
      const taken = new Set([...all.list().flatMap(rangesOf), ...[...given.values()].flat()]);
      const ranges = given.get(name) ?? podCIDRs.map((cluster) => nextNodeRange(cluster, taken) ?? "");
      if (ranges.includes("")) {
        event(node, "Normal", "CIDRNotAvailable", `Node ${name} status is now: CIDRNotAvailable`);
        throw new Error(`no range for pods is left for node ${name} in ${podCIDRs.join(", ")}`);
      }
      given.set(name, ranges);
      const body = { metadata: { uid: node.metadata.uid }, spec: { podCIDR: ranges[0], podCIDRs: ranges } };
      await client.patch(nodes, name, { type: "application/merge-patch+json", body });
      return undefined;
    },
  };
}
