/** Everything the node tells of what it uses. */
import type { Pod } from "#api/generated/types.js";
import type { NodeStats } from "../server/stats-routes.js";
import { cadvisorMetrics } from "./cadvisor-metrics.js";
import { CpuRates } from "./cpu-rates.js";
import { nodeMetrics } from "./node-metrics.js";
import { type PodStorage, type PodStorageUsage, storageUsagesOf } from "./pod-storage.js";
import { type StatsSource, takeReadings } from "./readings.js";
import { resourceMetrics } from "./resource-metrics.js";
import { computeSummary, type SummarySource, statsSummary } from "./summary.js";

export interface StatsOptions extends StatsSource, Pick<SummarySource, "memory" | "nodeFolder" | "imageFolder"> {
  /** Where a Pod's parts are on the disk. */
  storageOf(pod: Pod): PodStorage | undefined;
}

/** Walking the folders costs: they are walked at most so often, milliseconds, as the kubelet has it. */
const STORAGE_EVERY_MS = 60_000;

export function openStats(options: StatsOptions): NodeStats {
  const storage = storageCache(options);
  const source: SummarySource = { ...options, startedAt: options.now(), rates: new CpuRates(), storage };
  return {
    metrics: () => nodeMetrics(source),
    resourceMetrics: async () => resourceMetrics(await takeReadings(source)),
    cadvisorMetrics: async () => cadvisorMetrics(source, await takeReadings(source)),
    summary: async (computeOnly) => {
      const readings = await takeReadings(source);
      return computeOnly ? computeSummary(source, readings) : statsSummary(source, readings);
    },
  };
}

/** Counts again when the last sums are old, or do not have all Pods. */
function storageCache({ storageOf, now }: StatsOptions): SummarySource["storage"] {
  let last: { at: number; sums: Promise<Map<string, PodStorageUsage>> } | undefined;
  let covered: ReadonlySet<string> = new Set();
  return (pods) => {
    const isKnown = pods.every(({ metadata }) => covered.has(metadata.uid));
    if (last && isKnown && now() - last.at < STORAGE_EVERY_MS) return last.sums;
    covered = new Set(pods.map(({ metadata }) => metadata.uid));
    last = { at: now(), sums: storageUsagesOf(pods, storageOf) };
    // A failure is told to who asks now, and is no answer to who asks next.
    last.sums.catch(() => {
      last = undefined;
    });
    return last.sums;
  };
}
