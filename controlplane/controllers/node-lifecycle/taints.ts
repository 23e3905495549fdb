import type { Node, Taint } from "#api/generated/types.js";
import {
  DISK_PRESSURE,
  MEMORY_PRESSURE,
  NETWORK_UNAVAILABLE,
  NOT_READY,
  PID_PRESSURE,
  UNREACHABLE,
  UNSCHEDULABLE,
} from "#api/taints.js";
import { formatTime } from "#api/time.js";
import { conditionOf } from "./health.js";

const PRESSURES: Readonly<Record<string, string>> = {
  MemoryPressure: MEMORY_PRESSURE,
  DiskPressure: DISK_PRESSURE,
  PIDPressure: PID_PRESSURE,
  NetworkUnavailable: NETWORK_UNAVAILABLE,
};
const OWN_KEYS = new Set([...Object.values(PRESSURES), NOT_READY, UNREACHABLE, UNSCHEDULABLE]);

function readinessKey(node: Node): string | undefined {
  const status = conditionOf(node, "Ready")?.status;
  if (status === "True") return undefined;
  return status === "Unknown" ? UNREACHABLE : NOT_READY;
}

function wanted(node: Node, evict: boolean): { key: string; effect: string }[] {
  const taints: { key: string; effect: string }[] = [];
  const readiness = readinessKey(node);
  if (readiness) taints.push({ key: readiness, effect: "NoSchedule" });
  // A node that never reported has nothing to evict.
  if (readiness && evict && conditionOf(node, "Ready")) taints.push({ key: readiness, effect: "NoExecute" });
  for (const [type, key] of Object.entries(PRESSURES)) {
    if (conditionOf(node, type)?.status === "True") taints.push({ key, effect: "NoSchedule" });
  }
  if (node.spec.unschedulable) taints.push({ key: UNSCHEDULABLE, effect: "NoSchedule" });
  return taints;
}

/**
 * The taints a node's conditions call for, or undefined when it has exactly those. Taints of others stay.
 * @param evict false when no node at all is ready: then the fault is likelier ours than theirs, and nothing is evicted
 */
export function planTaints(node: Node, evict: boolean, now: number): Taint[] | undefined {
  const have = node.spec.taints ?? [];
  const want = wanted(node, evict);
  const isWanted = (taint: Taint) => want.some(({ key, effect }) => key === taint.key && effect === taint.effect);
  const kept = have.filter((taint) => !OWN_KEYS.has(taint.key) || isWanted(taint));
  const missing = want.filter(({ key, effect }) => !have.some((taint) => taint.key === key && taint.effect === effect));
  if (missing.length === 0 && kept.length === have.length) return undefined;
  return [...kept, ...missing.map((taint) => ({ ...taint, timeAdded: formatTime(now) }))];
}
