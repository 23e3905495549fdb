/** When there is too little of something: the kubelet's eviction flags, and its defaults. */

import { quantityValue } from "#api/quantity.js";
import { parseDuration } from "../host/duration.js";
import { isSignal, type Observation, type Signal } from "./signals.js";

/** Whole units, or a share of the capacity. */
export type Amount = { units: number } | { share: number };

export interface Threshold {
  signal: Signal;
  amount: Amount;
  /** Milliseconds for which it has to be crossed before Pods go; 0 is a hard threshold. */
  grace: number;
  /** How much more than the amount has to come free before it counts as resolved. */
  reclaim?: Amount;
}

/** As the flags spell them. */
export interface EvictionFlags {
  evictionHard?: string;
  evictionSoft?: string;
  evictionSoftGracePeriod?: string;
  evictionMinimumReclaim?: string;
}

export const DEFAULT_HARD =
  "memory.available<100Mi,nodefs.available<10%,imagefs.available<15%,nodefs.inodesFree<5%,imagefs.inodesFree<5%";

/** @throws Error that names the flag and what is wrong with it */
export function parseThresholds(flags: EvictionFlags): Threshold[] {
  const reclaims = pairs("--eviction-minimum-reclaim", flags.evictionMinimumReclaim ?? "", "=");
  const graces = pairs("--eviction-soft-grace-period", flags.evictionSoftGracePeriod ?? "", "=");
  const of = (flag: string, text: string, graceOf: (signal: Signal) => number) =>
    [...pairs(flag, text, "<")].flatMap(([signal, value]) => {
      const amount = parseAmount(flag, value);
      // 0% and 100% are how one switches a signal off.
      if ("share" in amount && (amount.share === 0 || amount.share === 1)) return [];
      const reclaim = reclaims.get(signal);
      return [
        {
          ...{ signal, amount, grace: graceOf(signal) },
          ...(reclaim === undefined ? {} : { reclaim: parseAmount("--eviction-minimum-reclaim", reclaim) }),
        },
      ];
    });
  const soft = of("--eviction-soft", flags.evictionSoft ?? "", (signal) => {
    const grace = parseDuration(graces.get(signal) ?? "");
    if (grace === undefined) throw new Error(`--eviction-soft-grace-period: ${signal} needs a duration such as 1m30s`);
    return grace;
  });
  return [...of("--eviction-hard", flags.evictionHard ?? DEFAULT_HARD, () => 0), ...soft];
}

function pairs(flag: string, text: string, separator: "<" | "="): Map<Signal, string> {
  const found = new Map<Signal, string>();
  for (const part of text.split(",").filter(Boolean)) {
    const [signal = "", value = ""] = part.split(separator).map((word) => word.trim());
    if (!isSignal(signal) || value === "") throw new Error(`${flag}: "${part}" is not SIGNAL${separator}VALUE`);
    if (found.has(signal)) throw new Error(`${flag}: ${signal} stands there twice`);
    found.set(signal, value);
  }
  return found;
}

function parseAmount(flag: string, text: string): Amount {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text)?.[1];
  if (percent !== undefined && Number(percent) <= 100) return { share: Number(percent) / 100 };
  try {
    const units = quantityValue(text);
    if (units >= 0) return { units };
  } catch {
    // Said below, with the flag's name.
  }
  throw new Error(`${flag}: "${text}" is neither a quantity nor a percentage`);
}

export const amountOf = (amount: Amount, { capacity }: Observation): number =>
  "units" in amount ? amount.units : Math.floor(amount.share * capacity);

/** Bytes (or units) of what Pods may not ask for, since they would be evicted when they used it. */
export function keptFree(thresholds: readonly Threshold[], signal: Signal, capacity: number): number {
  const hard = thresholds.find((threshold) => threshold.signal === signal && threshold.grace === 0);
  return hard ? amountOf(hard.amount, { capacity, available: 0 }) : 0;
}
