import type { Clock } from "#client/clock.js";
import type { AgentOptions } from "../agent-options.js";
import { parseDuration } from "../host/duration.js";
import type { NodePods } from "../pods/index.js";
import type { StatsOptions } from "../stats/index.js";
import { nodeUsage } from "../stats/node-usage.js";
import { EvictionManager, type NodeReclaimer } from "./eviction-manager.js";
import { observeNode } from "./observe.js";
import { parseThresholds } from "./thresholds.js";

export interface EvictionParts {
  pods: Pick<NodePods, "evict">;
  /** Make room without ending a Pod. */
  reclaimers: readonly NodeReclaimer[];
  onPressure(): void;
  clock: Clock;
}

/** Between two looks, milliseconds: the kubelet's. */
const INTERVAL = 10_000;
const DEFAULT_TRANSITION = "5m";

/** Has looked once when this resolves. @throws Error when a flag cannot be read */
export async function openEviction(
  options: AgentOptions,
  stats: StatsOptions,
  { pods, reclaimers, onPressure, clock }: EvictionParts,
): Promise<EvictionManager> {
  const { logger, evictionPressureTransitionPeriod = DEFAULT_TRANSITION } = options;
  const transition = parseDuration(evictionPressureTransitionPeriod);
  if (transition === undefined)
    throw new Error(
      `--eviction-pressure-transition-period ${evictionPressureTransitionPeriod}: expected 5m or the like`,
    );
  const manager = new EvictionManager({
    thresholds: parseThresholds(options),
    transition,
    maxPodGraceSeconds: options.evictionMaxPodGracePeriod ?? 0,
    interval: INTERVAL,
    observe: () => observeNode({ ...stats, usedMemory: async () => (await nodeUsage(stats)).workingSet }),
    usage: stats,
    reclaimers,
    evict: (pod, failure) => pods.evict(pod, failure),
    onPressure,
    clock,
    logger,
  });
  // What it is short of decides what it takes on; that Pods have to go first is no reason for the node to wait.
  await manager.look();
  void manager.start();
  return manager;
}
