/** Removes Pods nobody will finish: of nodes that no longer exist, ended ones beyond a threshold, unscheduled ones told to go. */
import { DISRUPTION_TARGET } from "#api/disruption.js";
import type { Node, Pod, PodCondition } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { isPodTerminal } from "#api/pod-state.js";
import { nodes, pods } from "#api/refs.js";
import { isNotFound } from "#api/status-error.js";
import { formatTime } from "#api/time.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { nodeNameOf } from "./node-lifecycle.js";

/** Ended Pods kept for their logs and exit codes. */
const TERMINATED_THRESHOLD = 12_500;
/** A node must be missing this long (ms) before its Pods are given up. */
const QUARANTINE = 40_000;
/** The one key under which ended Pods are counted. */
const TERMINATED = "terminated pods";

export function podGarbageCollector(threshold = TERMINATED_THRESHOLD): Controller {
  const missingSince = new Map<string, number>();
  return {
    name: "pod-gc",
    component: "pod-garbage-collector-controller",
    workers: 2,
    watches: [
      watch({ ref: pods, indexes: { nodeName: nodeNameOf, terminal: terminalIndex }, keys: podKeys }),
      watch({ ref: nodes, keys: nodeKeys }),
    ],
    async reconcile(key, context) {
      if (key === TERMINATED) {
        for (const pod of surplusTerminated(context.informer(pods).byIndex("terminal", "true"), threshold))
          await forceDelete(pod, context);
        return undefined;
      }
      const pod = context.informer(pods).get(key);
      const nodeName = pod?.spec.nodeName;
      if (!pod) return undefined;
      if (!nodeName) {
        if (pod.metadata.deletionTimestamp) await giveUp(pod, context, []);
        return undefined;
      }
      if (context.informer(nodes).get(nodeName)) {
        missingSince.delete(nodeName);
        return undefined;
      }
      const since = missingSince.get(nodeName) ?? context.monotonic();
      missingSince.set(nodeName, since);
      const left = since + QUARANTINE - context.monotonic();
      if (left > 0) return left;
      if (await isGone(nodeName, context)) await giveUp(pod, context, [nodeIsGone(context.now())]);
      return undefined;
    },
  };
}

const terminalIndex = (pod: Pod): readonly string[] => (isPodTerminal(pod) ? ["true"] : []);

/** The oldest beyond the threshold. A threshold of 0 or less keeps all. */
export function surplusTerminated(terminated: readonly Pod[], threshold: number): Pod[] {
  const surplus = terminated.length - threshold;
  if (threshold <= 0 || surplus <= 0) return [];
  const byAge = (a: Pod, b: Pod) => a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp);
  return [...terminated].sort(byAge).slice(0, surplus);
}

function podKeys(pod: Pod, context: ControllerContext, old?: Pod, deleted?: boolean): string[] {
  if (deleted) return [];
  const keys: string[] = [];
  const lost = pod.spec.nodeName ? !context.informer(nodes).get(pod.spec.nodeName) : pod.metadata.deletionTimestamp;
  if (lost) keys.push(keyOf(pod));
  if (isPodTerminal(pod) && !(old && isPodTerminal(old))) keys.push(TERMINATED);
  return keys;
}

function nodeKeys(node: Node, context: ControllerContext, old?: Node, deleted?: boolean): string[] {
  if (old && !deleted) return [];
  return context.informer(pods).byIndex("nodeName", node.metadata.name).map(keyOf);
}

async function isGone(nodeName: string, { client }: ControllerContext): Promise<boolean> {
  try {
    await client.get(nodes, nodeName);
    return false;
  } catch (error) {
    if (isNotFound(error)) return true;
    throw error;
  }
}

const nodeIsGone = (now: number): PodCondition => ({
  type: DISRUPTION_TARGET,
  status: "True",
  reason: "DeletionByPodGC",
  message: "PodGC: node no longer exists",
  lastTransitionTime: formatTime(now),
});

/** Marks the Pod failed, so that its owner sees why also while somebody holds it, and removes it. */
async function giveUp(pod: Pod, context: ControllerContext, conditions: PodCondition[]): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  const phase = isPodTerminal(pod) ? pod.status?.phase : "Failed";
  const body = { metadata: { uid }, status: { phase, conditions } };
  try {
    await context.client.patch(
      pods,
      name,
      { type: "application/strategic-merge-patch+json", body },
      { namespace, subresource: "status" },
    );
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  await forceDelete(pod, context);
}

async function forceDelete(pod: Pod, { client }: ControllerContext): Promise<void> {
  const { name, namespace, uid } = pod.metadata;
  try {
    await client.delete(pods, name, namespace, { gracePeriodSeconds: 0, preconditions: { uid } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
