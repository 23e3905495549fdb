import type { NodeRejection } from "./choose-node.js";
import type { PreemptionRefusals } from "./preemption.js";

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

/**
 * The message of FailedScheduling and of PodScheduled=False, in the words kubectl users know.
 * @param preemption what came of trying to make room (`refusalMessage`); nothing is said of room that is being made
 */
export function failureMessage(rejections: readonly NodeRejection[], preemption: string): string {
  if (rejections.length === 0) return "no nodes available to schedule pods";
  const [first] = rejections;
  const reasons = rejections.flatMap((rejection) => rejection.reasons);
  const why = first?.everywhere
    ? `0/${rejections.length} nodes are available: ${first.reasons.join(", ")}.`
    : unavailable(rejections.length, reasons);
  return `${why}${preemption && ` preemption: ${preemption}`}`;
}

/** Why no node has anybody whose place the Pod could take. */
export const refusalMessage = (refusals: PreemptionRefusals): string => unavailable(refusals.length, refusals.flat());
