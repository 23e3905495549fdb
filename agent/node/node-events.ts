import type { NodeCondition } from "#api/generated/types.js";

export interface NodeEvent {
  type: "Normal" | "Warning";
  reason: string;
  message: string;
}

/** Event reasons of a condition that became false, and true. */
const reasons: Record<string, readonly [onFalse: string, onTrue: string]> = {
  MemoryPressure: ["NodeHasSufficientMemory", "NodeHasInsufficientMemory"],
  DiskPressure: ["NodeHasNoDiskPressure", "NodeHasDiskPressure"],
  PIDPressure: ["NodeHasSufficientPID", "NodeHasInsufficientPID"],
  Ready: ["NodeNotReady", "NodeReady"],
};

/** The Events for conditions whose status changed, worded as the kubelet does. */
export function conditionEvents(
  node: string,
  old: readonly NodeCondition[],
  current: readonly NodeCondition[],
): NodeEvent[] {
  return current.flatMap(({ type, status }) => {
    const known = reasons[type];
    if (!known || old.find((condition) => condition.type === type)?.status === status) return [];
    const reason = known[status === "True" ? 1 : 0];
    return [{ type: "Normal" as const, reason, message: `Node ${node} status is now: ${reason}` }];
  });
}
