import type { Container, Pod } from "#api/generated/types.js";
import type { ContainerState } from "../runtime/runtime.js";
import { hookTrouble, runHook } from "./lifecycle-hook.js";
import { type PodEnvironment, podLabel } from "./pod-environment.js";

/** However short the grace, a container gets this long to end by itself, seconds. */
const MIN_GRACE = 2;

/** Deadlines nearer to each other (ms) are one, looked at twice: graces are whole seconds. A second stop is a second signal. */
const SAME_MS = 500;

export interface KillOrder {
  container: ContainerState;
  /** Absent for a Pod the API no longer knows: then there are no Events and no hooks. */
  pod?: Pod;
  spec?: Container;
  graceSeconds: number;
  /** Message of the Killing Event. */
  message: string;
  podIP: string;
}

/**
 * Containers of one Pod on their way out. A kill runs beside the worker: asking again is free, and asking with less time
 * left shortens the grace of a kill under way.
 */
export class ContainerKills {
  readonly #deadlines = new Map<string, number>();

  constructor(
    private readonly env: PodEnvironment,
    /** The kill has ended, well or not. */
    private readonly onDone: (containerId: string, error?: Error) => void,
  ) {}

  has(containerId: string): boolean {
    return this.#deadlines.has(containerId);
  }

  kill(order: KillOrder): void {
    const { id } = order.container;
    const grace = Math.max(order.graceSeconds, MIN_GRACE);
    const deadline = this.env.clock.monotonic() + grace * 1000;
    const before = this.#deadlines.get(id);
    if (before !== undefined && before - deadline < SAME_MS) return;
    this.#deadlines.set(id, deadline);
    const work = before === undefined ? this.#stopFirst(order, deadline) : this.env.runtime.stopContainer(id, grace);
    work.then(
      () => this.#done(id),
      (error) => this.#done(id, error),
    );
  }

  #done(id: string, error?: Error): void {
    this.#deadlines.delete(id);
    this.onDone(id, error);
  }

  async #stopFirst(order: KillOrder, deadline: number): Promise<void> {
    const { pod, spec, container } = order;
    if (pod && spec) this.env.events.container(pod, spec, "Normal", "Killing", order.message);
    const preStop = spec?.lifecycle?.preStop;
    if (pod && spec && preStop) {
      const { runtime, clock } = this.env;
      const target = { runtime, clock, container: spec, containerId: container.id, podIP: order.podIP };
      // 0 would be no limit at all.
      const patience = Math.max(1, deadline - clock.monotonic());
      await runHook(preStop, target, patience).catch((error) => {
        this.env.logger.warn({ pod: podLabel(pod), why: hookTrouble(preStop, error) }, "a preStop hook failed");
        this.env.events.container(pod, spec, "Warning", "FailedPreStopHook", "PreStopHook failed");
      });
    }
    const left = Math.max(
      MIN_GRACE,
      ((this.#deadlines.get(container.id) ?? deadline) - this.env.clock.monotonic()) / 1000,
    );
    await this.env.runtime.stopContainer(container.id, left);
  }
}
