/** What a node refuses for good, with the kubelet's own reasons and words: no document lists them. */
import type { Pod } from "#api/generated/types.js";
import { isTolerated, MEMORY_PRESSURE } from "#api/taints.js";
import { conditionMessage } from "../eviction/messages.js";
import type { PressureType } from "../eviction/signals.js";
import { isCritical } from "./critical.js";
import type { PodEnvironment } from "./pod-environment.js";
import { qosClass } from "./qos.js";

export interface PodFailure {
  reason: string;
  message: string;
  /** What the containers get at most, if it is less than the Pod's grace period. */
  graceSeconds?: number;
  /** The Pod is not to blame: it gets the condition DisruptionTarget. */
  disruption?: true;
}

/** Sysctls that cannot harm other Pods. https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/#safe-and-unsafe-sysctls */
const SAFE_SYSCTLS: ReadonlySet<string> = new Set([
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ping_group_range",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.tcp_wmem",
]);

/**
 * Why a Pod that is new here cannot run here; undefined: it is taken on, and its requests are kept for it. "waits": it is critical,
 * and others are ended for it; to be asked again when there is room.
 */
export function refusalOf(env: PodEnvironment, pod: Pod): PodFailure | "waits" | undefined {
  if (env.isShuttingDown())
    return { reason: "NodeShutdown", message: "Pod was rejected as the node is shutting down." };
  const pressure = pressureAgainst(env.pressures(), pod);
  if (pressure) return refused("Evicted", pressure);
  const { os, securityContext } = pod.spec;
  if (os && os.name !== "linux")
    return refused("PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS");
  for (const { name } of securityContext?.sysctls ?? [])
    if (!isAllowedSysctl(name, env.allowedUnsafeSysctls))
      return refused("SysctlForbidden", `forbidden sysctl: "${name}" not allowlisted`);
  const short = env.allocations.claim(pod);
  if (!short) return undefined;
  if (isCritical(pod) && env.makeRoom(pod)) return "waits";
  const { resource, requested, used, capacity } = short;
  return refused(
    `OutOf${resource}`,
    `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
  );
}

/**
 * A node short of memory takes on only Pods that ask for some, or that say they can live there; one short of anything else,
 * only what it needs itself. https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#node-conditions
 */
function pressureAgainst(pressures: ReadonlySet<PressureType>, pod: Pod): string | undefined {
  if (pressures.size === 0 || isCritical(pod)) return undefined;
  const onlyMemory = pressures.size === 1 && pressures.has("MemoryPressure");
  const lives = isTolerated(pod.spec.tolerations, { key: MEMORY_PRESSURE, effect: "NoSchedule" });
  if (onlyMemory && (qosClass(pod) !== "BestEffort" || lives)) return undefined;
  return conditionMessage([...pressures]);
}

const refused = (reason: string, why: string): PodFailure => ({ reason, message: `Pod was rejected: ${why}` });

/** @param allowed names, or beginnings of names that end with an asterisk */
export function isAllowedSysctl(name: string, allowed: readonly string[]): boolean {
  const dotted = name.replaceAll("/", ".");
  const matches = (pattern: string) =>
    pattern.endsWith("*") ? dotted.startsWith(pattern.slice(0, -1)) : dotted === pattern;
  return SAFE_SYSCTLS.has(dotted) || allowed.some(matches);
}
