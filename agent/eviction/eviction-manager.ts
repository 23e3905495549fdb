/**
 * Watches what the node runs out of, and makes room: first what the node itself holds, then Pods, one at a time.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/
 */
import type { Logger } from "pino";
import type { Pod } from "#api/generated/types.js";
import type { Clock } from "#client/clock.js";
import { isCritical } from "../pods/critical.js";
import type { PodFailure } from "../pods/pod-admission.js";
import { isTerminal } from "../status/phase.js";
import { type UsageSource, type Weighed, weigh } from "./candidates.js";
import { CALM, decide, type EvictionState } from "./decide.js";
import { evictionMessage } from "./messages.js";
import { evictionOrder } from "./rank.js";
import { type Observations, type PressureType, type Signal, signals } from "./signals.js";
import type { Threshold } from "./thresholds.js";

/** Makes room without ending a Pod: removes what nobody uses. */
export interface NodeReclaimer {
  readonly name: string;
  readonly signals: readonly Signal[];
  reclaim(signal: Signal): Promise<void>;
}

export interface EvictionOptions {
  thresholds: readonly Threshold[];
  /** Milliseconds for which a pressure stays after it was last seen; the kubelet's default is five minutes. */
  transition: number;
  /** Most seconds that a Pod gets to end at a soft threshold; its own grace period when that is shorter. */
  maxPodGraceSeconds: number;
  /** Milliseconds between two looks; the kubelet's are ten seconds apart. */
  interval: number;
  observe(): Promise<Observations>;
  usage: UsageSource;
  reclaimers: readonly NodeReclaimer[];
  /** The Pod has failed; resolves when nothing of it runs. */
  evict(pod: Pod, failure: PodFailure): Promise<void>;
  onPressure(): void;
  clock: Clock;
  logger: Logger;
}

/** What a Pod gets to end when there is no time: a second, as with the kubelet. */
const HARD_GRACE_SECONDS = 1;

export class EvictionManager {
  #state: EvictionState = CALM;
  #pressures: ReadonlySet<PressureType> = new Set();
  #cancel: () => void = () => undefined;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(private readonly options: EvictionOptions) {}

  /** What the node is short of. */
  get pressures(): ReadonlySet<PressureType> {
    return this.#pressures;
  }

  /** Finds out what the node is short of, and does nothing about it. */
  async look(): Promise<void> {
    await this.#assess().catch((error) => this.#cannotTell(error));
  }

  /** Resolves after the first round; goes on by itself. Never rejects. */
  async start(): Promise<void> {
    this.#running = this.#makeRoom();
    await this.#running;
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#running;
  }

  #schedule(): void {
    const { clock, interval } = this.options;
    if (this.#stopped) return;
    this.#cancel = clock.after(interval, () => {
      this.#running = this.#makeRoom().finally(() => this.#schedule());
    });
  }

  async #makeRoom(): Promise<void> {
    try {
      let evicted = true;
      // One may not have been enough.
      while (evicted && !this.#stopped) evicted = await this.#round();
    } catch (error) {
      this.#cannotTell(error);
    }
  }

  #cannotTell(error: unknown): void {
    this.options.logger.error({ err: error }, "it cannot be told what the node is short of, will be tried again");
  }

  /** @returns whether a Pod was evicted */
  async #round(): Promise<boolean> {
    const { threshold } = await this.#assess();
    if (!threshold) return false;
    await this.#reclaimFromNode(threshold);
    const after = await this.#assess();
    if (!after.threshold) return false;
    return this.#evictOne(after.threshold, after.observations);
  }

  async #assess(): Promise<{ threshold?: Threshold; observations: Observations }> {
    const { thresholds, transition, clock } = this.options;
    const observations = await this.options.observe();
    const { state, pressures, reclaim } = decide(this.#state, thresholds, observations, clock.monotonic(), transition);
    const before = [...this.#pressures].sort().join();
    this.#state = state;
    this.#pressures = pressures;
    if ([...pressures].sort().join() !== before) this.options.onPressure();
    return { threshold: reclaim, observations };
  }

  /** One that fails keeps the others from nothing. */
  async #reclaimFromNode({ signal }: Threshold): Promise<void> {
    const { reclaimers, logger } = this.options;
    for (const reclaimer of reclaimers) {
      if (!reclaimer.signals.includes(signal)) continue;
      await reclaimer
        .reclaim(signal)
        .catch((error) => logger.warn({ err: error, reclaimer: reclaimer.name, signal }, "no room was made"));
    }
  }

  async #evictOne(threshold: Threshold, observations: Observations): Promise<boolean> {
    const { usage, logger } = this.options;
    const mayGo = usage
      .pods()
      .filter((pod) => !isCritical(pod) && !isTerminal(pod.status?.phase) && pod.status?.startTime !== undefined);
    const weighed = await weigh(usage, mayGo, threshold.signal);
    const [first] = evictionOrder(weighed, signals[threshold.signal].resource !== "pids") as Weighed[];
    if (!first) {
      logger.warn({ signal: threshold.signal }, "the node is short of it, and there is no Pod that may be evicted");
      return false;
    }
    await this.#evict(first, threshold, evictionMessage(threshold, observations, first.containers));
    return true;
  }

  async #evict({ pod }: Weighed, { signal, grace }: Threshold, message: string): Promise<void> {
    const { evict, maxPodGraceSeconds, logger } = this.options;
    const { name, namespace } = pod.metadata;
    logger.warn({ pod: `${namespace}/${name}`, signal }, "evicting a pod");
    const graceSeconds = grace > 0 ? maxPodGraceSeconds : HARD_GRACE_SECONDS;
    await evict(pod, { reason: "Evicted", message, graceSeconds, disruption: true });
  }
}
