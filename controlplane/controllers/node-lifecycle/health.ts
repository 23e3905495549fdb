import type { Lease, Node, NodeCondition } from "#api/generated/types.js";
import { formatTime } from "#api/time.js";

/** Patience with a node that has no Lease (ms), and the most there is. */
const MAX_GRACE = 50_000;
const REPORTED = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/** When a node was last heard of, by this process' own clock: clocks of nodes are not trusted. */
export interface Heartbeat {
  /** What was last heard; another value means that the node lives. */
  sign: string;
  /** Milliseconds since the epoch. */
  at: number;
}

/** Updates what is known of a node from its Lease and its own reports. */
export function heartbeat(known: Heartbeat | undefined, node: Node, lease: Lease | undefined, now: number): Heartbeat {
  const reported = conditionOf(node, "Ready")?.lastHeartbeatTime;
  const sign = `${lease?.spec.renewTime ?? ""} ${reported ?? ""}`;
  return known?.sign === sign ? known : { sign, at: now };
}

/**
 * How long a silent node counts as alive (ms): a quarter longer than its Lease lasts, 50 s for the usual 40 s. A node that
 * renews faster, as in a lab, is also missed faster.
 */
export function graceOf(lease: Lease | undefined): number {
  const seconds = lease?.spec.leaseDurationSeconds;
  return seconds ? Math.min(MAX_GRACE, seconds * 1_250) : MAX_GRACE;
}

export function conditionOf(node: Node, type: string): NodeCondition | undefined {
  return node.status?.conditions?.find((condition) => condition.type === type);
}

/** The conditions of a node that went silent, as far as they must change. */
export function silentConditions(node: Node, now: number): NodeCondition[] {
  const changed: NodeCondition[] = [];
  for (const type of REPORTED) {
    const known = conditionOf(node, type);
    if (known?.status === "Unknown") continue;
    const never = { reason: "NodeStatusNeverUpdated", message: "Kubelet never posted node status." };
    const stopped = { reason: "NodeStatusUnknown", message: "Kubelet stopped posting node status." };
    changed.push({
      type,
      status: "Unknown",
      lastHeartbeatTime: known?.lastHeartbeatTime ?? node.metadata.creationTimestamp,
      lastTransitionTime: formatTime(now),
      ...(known ? stopped : never),
    });
  }
  return changed;
}
