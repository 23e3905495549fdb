/** Notices nodes that fell silent, says so in their conditions, taints them, and takes their Pods out of service. */
import type { Lease, Node, Pod } from "#api/generated/types.js";
import { isPodReady } from "#api/pod-state.js";
import { leases, nodes, pods } from "#api/refs.js";
import { isNotFound } from "#api/status-error.js";
import { formatTime } from "#api/time.js";
import { type Controller, type ControllerContext, watch } from "./controller.js";
import { conditionOf, graceOf, type Heartbeat, heartbeat, silentConditions } from "./node-lifecycle/health.js";
import { planTaints } from "./node-lifecycle/taints.js";
import { OwnWrites } from "./ownership/own-writes.js";

const LEASE_NAMESPACE = "kube-node-lease";

/** Index values: the node a Pod is bound to. */
export const nodeNameOf = ({ spec }: Pod): readonly string[] => (spec.nodeName ? [spec.nodeName] : []);

const isReady = (node: Node) => conditionOf(node, "Ready")?.status === "True";

export function nodeLifecycleController(): Controller {
  const heartbeats = new Map<string, Heartbeat>();
  const writes = new OwnWrites();
  return {
    name: "node-lifecycle",
    component: "node-controller",
    workers: 4,
    watches: [
      watch({ ref: nodes, keys: nodeKeys }),
      watch({ ref: leases, keys: leaseKeys }),
      watch({ ref: pods, indexes: { nodeName: nodeNameOf }, keys: () => [] }),
    ],
    async reconcile(name, context) {
      const node = context.informer(nodes).get(name);
      if (!node) {
        heartbeats.delete(name);
        writes.forget(name);
        return undefined;
      }
      if (!writes.seen(name, context.informer(nodes))) return undefined;
      const now = context.monotonic();
      const lease = context.informer(leases).get(`${LEASE_NAMESPACE}/${name}`);
      const known = heartbeats.get(name);
      if (!known)
        context.event(node, "Normal", "RegisteredNode", `Node ${name} event: Registered Node ${name} in Controller`);
      const heard = heartbeat(known, node, lease, now);
      heartbeats.set(name, heard);
      const left = heard.at + graceOf(lease) - now;
      const updated = left > 0 ? node : await markSilent(node, context);
      if (conditionOf(updated, "Ready")?.status === "Unknown") await markPodsNotReady(updated, context);
      const anyReady = context
        .informer(nodes)
        .list()
        .some((other) => other.metadata.name !== name && isReady(other));
      writes.wrote(name, await taint(updated, anyReady, context));
      return left > 0 ? left : undefined;
    },
  };
}

/** When one node's readiness turns, what becomes of the others may turn too: nothing is evicted while none is ready. */
function nodeKeys(node: Node, context: ControllerContext, old?: Node, deleted?: boolean): string[] {
  const { name } = node.metadata;
  if (deleted)
    context.event(node, "Normal", "RemovingNode", `Node ${name} event: Removing Node ${name} from Controller`);
  const turned = deleted || !old || isReady(old) !== isReady(node);
  return turned
    ? [
        name,
        ...context
          .informer(nodes)
          .list()
          .map((other) => other.metadata.name),
      ]
    : [name];
}

const leaseKeys = ({ metadata }: Lease) => (metadata.namespace === LEASE_NAMESPACE ? [metadata.name] : []);

async function markSilent(node: Node, { client, now, event }: ControllerContext): Promise<Node> {
  const conditions = silentConditions(node, now());
  if (conditions.length === 0) return node;
  const { name } = node.metadata;
  if (isReady(node)) event(node, "Normal", "NodeNotReady", `Node ${name} status is now: NodeNotReady`);
  const body = { status: { conditions } };
  return client.patch(nodes, name, { type: "application/strategic-merge-patch+json", body }, { subresource: "status" });
}

/** @returns the node as it is then */
async function taint(node: Node, anyOtherReady: boolean, { client, now }: ControllerContext): Promise<Node> {
  const taints = planTaints(node, anyOtherReady || isReady(node), now());
  if (!taints) return node;
  const { name, resourceVersion } = node.metadata;
  const body = { metadata: { resourceVersion }, spec: { taints } };
  return client.patch(nodes, name, { type: "application/merge-patch+json", body });
}

/** Nobody on that node can say it any more: its Pods are not ready. The agent says otherwise when it is back. */
async function markPodsNotReady(node: Node, context: ControllerContext): Promise<void> {
  const ready = context.informer(pods).byIndex("nodeName", node.metadata.name).filter(isPodReady);
  for (const pod of ready) {
    const { name, namespace, uid } = pod.metadata;
    const condition = { type: "Ready", status: "False", lastTransitionTime: formatTime(context.now()) };
    const body = { metadata: { uid }, status: { conditions: [condition] } };
    context.event(pod, "Warning", "NodeNotReady", "Node is not ready");
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
  }
}
