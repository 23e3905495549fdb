import type { Pod } from "#api/generated/types.js";
import type { NodeRejection } from "./choose-node.js";

/** "2 Insufficient cpu, 1 node(s) were unschedulable": how often each reason was given. */
function histogram(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(", ");
}

const unavailable = (nodes: number, reasons: readonly string[]) =>
  `0/${nodes} nodes are available: ${histogram(reasons)}.`;

/** The message of FailedScheduling and of PodScheduled=False, in the words kubectl users know. */
export function failureMessage(pod: Pod, rejections: readonly NodeRejection[]): string {
  if (rejections.length === 0) return "no nodes available to schedule pods";
  const nodes = rejections.length;
  const reasons = rejections.flatMap((rejection) => rejection.reasons);
  return `${unavailable(nodes, reasons)} ${preemptionMessage(pod, rejections)}`;
}

function preemptionMessage(pod: Pod, rejections: readonly NodeRejection[]): string {
  if (pod.spec.preemptionPolicy === "Never") return "preemption: not eligible due to preemptionPolicy=Never.";
  const reasons = rejections.map(({ unresolvable }) =>
    unresolvable ? "Preemption is not helpful for scheduling" : "No preemption victims found for incoming pod",
  );
  return `preemption: ${unavailable(rejections.length, reasons)}`;
}
