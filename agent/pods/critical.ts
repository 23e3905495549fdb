import type { Pod } from "#api/generated/types.js";
import { isMirror } from "#api/pod-state.js";
import { isStatic } from "../static-pods/manifest.js";

/** Priority from which a Pod is critical: that of system-cluster-critical. */
const CRITICAL = 2_000_000_000;

/** That of system-node-critical. */
const NODE_CRITICAL = 2_000_001_000;

/** The kernel takes its containers for as important as those of guaranteed Pods. */
export const isNodeCritical = ({ spec }: Pod): boolean => (spec.priority ?? 0) >= NODE_CRITICAL;

export const hasCriticalPriority = ({ spec }: Pod): boolean => (spec.priority ?? 0) >= CRITICAL;

/** The node itself needs it: it is never evicted, and taken on under any pressure. */
export function isCritical(pod: Pod): boolean {
  return isStatic(pod) || isMirror(pod) || hasCriticalPriority(pod);
}
