/** Deletes Pods from nodes with NoExecute taints when their tolerations run out. */
import type { Node, Pod, Taint } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { isPodTerminal } from "#api/pod-state.js";
import { nodes, pods } from "#api/refs.js";
import { isNotFound } from "#api/status-error.js";
import { tolerates } from "#api/taints.js";
import { timestamp } from "#client/clock.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { nodeNameOf } from "./node-lifecycle.js";

/**
 * Milliseconds until the Pod must leave its node: 0 at once, undefined never. Each taint is tolerated from when it was
 * added, for the shortest of the times its tolerations name; a toleration without a time is for ever.
 * @param since when a taint that does not say so itself was added, in ms since the epoch
 */
export function evictIn(
  pod: Pod,
  node: Node,
  now: number,
  since: (taint: Taint) => number = () => now,
): number | undefined {
  let soonest: number | undefined;
  for (const taint of node.spec.taints ?? []) {
    if (taint.effect !== "NoExecute") continue;
    const matching = (pod.spec.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
    if (matching.length === 0) return 0;
    const seconds = matching.map((toleration) => toleration.tolerationSeconds).filter((value) => value !== undefined);
    if (seconds.length === 0) continue;
    const added = taint.timeAdded ? Date.parse(taint.timeAdded) : since(taint);
    const left = Math.max(0, added + Math.min(...seconds) * 1000 - now);
    soonest = soonest === undefined ? left : Math.min(soonest, left);
  }
  return soonest;
}

/** When taints were first seen: those that people set do not say when, and their time must not begin anew with each look. */
class FirstSights {
  readonly #byNode = new Map<string, Map<string, number>>();

  /** Forgets taints that the node no longer has. */
  of(node: Node, now: number): (taint: Taint) => number {
    const before = this.#byNode.get(node.metadata.uid);
    const taints = (node.spec.taints ?? []).filter(({ effect }) => effect === "NoExecute");
    const seen = new Map(
      taints.map(({ key, value = "" }) => [`${key}=${value}`, before?.get(`${key}=${value}`) ?? now]),
    );
    if (seen.size > 0) this.#byNode.set(node.metadata.uid, seen);
    else this.#byNode.delete(node.metadata.uid);
    return ({ key, value = "" }) => seen.get(`${key}=${value}`) ?? now;
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
          sights.of(node, context.now());
          return podsOnChangedNode(node, context, old);
        },
      }),
    ],
    async reconcile(key, context) {
      const pod = context.informer(pods).get(key);
      const node = context.informer(nodes).get(pod?.spec.nodeName ?? "");
      if (!pod || !node || pod.metadata.deletionTimestamp || isPodTerminal(pod)) return undefined;
      const now = context.now();
      const left = evictIn(pod, node, now, sights.of(node, now));
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
  const { name, namespace, uid } = pod.metadata;
  event(pod, "Normal", "TaintManagerEviction", `Marking for deletion Pod ${namespace}/${name}`);
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "DeletionByTaintManager",
    message: "Taint manager: deleting due to NoExecute taint",
    lastTransitionTime: timestamp(now()),
  };
  const body = { metadata: { uid }, status: { conditions: [condition] } };
  try {
    await client.patch(
      pods,
      name,
      { type: "application/strategic-merge-patch+json", body },
      { namespace, subresource: "status" },
    );
    await client.delete(pods, name, namespace, { preconditions: { uid } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
