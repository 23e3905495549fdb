import type { Pod } from "#api/generated/types.js";
import { isMirror } from "#api/pod-state.js";
import { SYSTEM_PRIORITY_CLASSES } from "#api/priority.js";
import { isStatic } from "../static-pods/manifest.js";

/** Priorities from which a Pod is critical. */
const { "system-cluster-critical": CRITICAL, "system-node-critical": NODE_CRITICAL } = SYSTEM_PRIORITY_CLASSES;

/** The kernel takes its containers for as important as those of guaranteed Pods. */
export const isNodeCritical = ({ spec }: Pod): boolean => (spec.priority ?? 0) >= NODE_CRITICAL;

export const hasCriticalPriority = ({ spec }: Pod): boolean => (spec.priority ?? 0) >= CRITICAL;

/** The node itself needs it: it is never evicted, and taken on under any pressure. */
export function isCritical(pod: Pod): boolean {
  return isStatic(pod) || isMirror(pod) || hasCriticalPriority(pod);
}
