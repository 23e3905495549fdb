/** Deletes Pods from nodes with NoExecute taints when their tolerations run out. */
import type { Node, Pod, Taint } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { isPodTerminal } from "#api/pod-state.js";
import { nodes, pods } from "#api/refs.js";
import { tolerates } from "#api/taints.js";
import { disruptPod } from "#client/disrupt-pod.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { nodeNameOf } from "./node-lifecycle.js";

/**
 * Milliseconds until the Pod must leave its node: 0 at once, undefined never. Each taint is tolerated from when it was
 * added, for the shortest of the times its tolerations name; a toleration without a time is for ever.
 * @param age how long ago a taint was added, in ms
 */
export function evictIn(pod: Pod, node: Node, age: (taint: Taint) => number): number | undefined {
  let soonest: number | undefined;
  for (const taint of node.spec.taints ?? []) {
    if (taint.effect !== "NoExecute") continue;
    const matching = (pod.spec.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    if (matching.length === 0) return 0;
    const seconds = matching.map((toleration) => toleration.tolerationSeconds).filter((value) => value !== undefined);
    if (seconds.length === 0) continue;
    const left = Math.max(0, Math.min(...seconds) * 1000 - age(taint));
    soonest = soonest === undefined ? left : Math.min(soonest, left);
  }
  return soonest;
}

/** How long ago a taint says it was added, ms; 0 when it does not say so, as those that people set, or names the future. */
export const ageOf = ({ timeAdded }: Taint, now: number) => (timeAdded ? Math.max(0, now - Date.parse(timeAdded)) : 0);

type Times = Pick<ControllerContext, "now" | "monotonic">;

/**
 * When taints were added, kept from their first sight on by a clock that nobody sets: otherwise one set forward would evict
 * at once whatever tolerates a taint for a while.
 */
class FirstSights {
  readonly #byNode = new Map<string, Map<string, number>>();

  /** Forgets taints that the node no longer has. */
  of(node: Node, { now, monotonic }: Times): (taint: Taint) => number {
    const before = this.#byNode.get(node.metadata.uid);
    const key = ({ key, value = "", timeAdded = "" }: Taint) => `${key}=${value} ${timeAdded}`;
    const added = (taint: Taint) => before?.get(key(taint)) ?? monotonic() - ageOf(taint, now());
    const taints = (node.spec.taints ?? []).filter(({ effect }) => effect === "NoExecute");
    const seen = new Map(taints.map((taint) => [key(taint), added(taint)]));
    if (seen.size > 0) this.#byNode.set(node.metadata.uid, seen);
    else this.#byNode.delete(node.metadata.uid);
    return (taint) => monotonic() - (seen.get(key(taint)) ?? added(taint));
  }
}

export function taintEvictionController(): Controller {
  const sights = new FirstSights();
  return {
    name: "taint-eviction",
    workers: 4,
    watches: [
      watch({ ref: pods, indexes: { nodeName: nodeNameOf }, keys: podKeys }),
      watch({
        ref: nodes,
        keys: (node, context, old) => {
          sights.of(node, context);
          return podsOnChangedNode(node, context, old);
        },
      }),
    ],
    async reconcile(key, context) {
      const pod = context.informer(pods).get(key);
      const node = context.informer(nodes).get(pod?.spec.nodeName ?? "");
      if (!pod || !node || pod.metadata.deletionTimestamp || isPodTerminal(pod)) return undefined;
      const left = evictIn(pod, node, sights.of(node, context));
      if (left !== 0) return left;
      await evict(pod, context);
      return undefined;
    },
  };
}

function podKeys(pod: Pod, _context: ControllerContext, old?: Pod): string[] {
  const concerns = pod.spec.nodeName && (!old?.spec.nodeName || old.spec.tolerations !== pod.spec.tolerations);
  return concerns ? [keyOf(pod)] : [];
}

const noExecute = (node: Node) =>
  JSON.stringify(node.spec.taints?.filter((taint) => taint.effect === "NoExecute") ?? []);

function podsOnChangedNode(node: Node, context: ControllerContext, old?: Node): string[] {
  if (old && noExecute(old) === noExecute(node)) return [];
  return context.informer(pods).byIndex("nodeName", node.metadata.name).map(keyOf);
}

async function evict(pod: Pod, { client, event, now }: ControllerContext): Promise<void> {
  const { name, namespace } = pod.metadata;
  event(pod, "Normal", "TaintManagerEviction", `Marking for deletion Pod ${namespace}/${name}`);
  const reason = "DeletionByTaintManager";
  await disruptPod(client, pod, { reason, message: "Taint manager: deleting due to NoExecute taint", now: now() });
}
