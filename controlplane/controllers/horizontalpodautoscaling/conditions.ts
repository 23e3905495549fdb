import type { V2HorizontalPodAutoscalerCondition } from "#api/generated/types.js";
import { formatTime } from "#api/time.js";

type Condition = V2HorizontalPodAutoscalerCondition;
type Type = "AbleToScale" | "ScalingActive" | "ScalingLimited";

/** The conditions of an autoscaler, as they change in one turn: times only with the status. */
export class Conditions {
  readonly #known: ReadonlyMap<string, Condition>;
  readonly #next: Map<string, Condition>;

  /** @param now milliseconds since the epoch */
  constructor(
    known: readonly Condition[],
    private readonly now: number,
  ) {
    this.#known = new Map(known.map((each) => [each.type, each]));
    this.#next = new Map(this.#known);
  }

  set(type: Type, status: "True" | "False", reason: string, message: string): void {
    const known = this.#known.get(type);
    const lastTransitionTime = known?.status === status ? known.lastTransitionTime : formatTime(this.now);
    this.#next.set(type, { type, status, reason, message, lastTransitionTime });
  }

  all(): Condition[] {
    return [...this.#next.values()];
  }
}
