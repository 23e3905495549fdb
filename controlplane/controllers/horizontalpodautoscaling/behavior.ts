/**
 * How fast an autoscaler may go from what is to what is asked for: windows, policies, bounds. Pure but for the memory it is given.
 * https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#configurable-scaling-behavior
 */
import type { V2HorizontalPodAutoscalerSpec, V2HPAScalingRules } from "#api/generated/types.js";

/** The window for going down, where the object names none; seconds. */
const DOWN_WINDOW = 300;
/** Longer than any window or period may be, ms: what is older is forgotten. */
const MEMORY_MS = 3_600_000;

interface Change {
  readonly at: number;
  /** Of the number of replicas, upwards. */
  readonly by: number;
}

/** What an autoscaler remembers. Lost with the process: then it begins as a new one does. */
export class Memory {
  #recommended: { readonly at: number; readonly replicas: number }[] = [];
  #changes: Change[] = [];

  recommend(replicas: number, at: number): void {
    this.#recommended = [...this.#recommended.filter((each) => each.at > at - MEMORY_MS), { at, replicas }];
  }

  changed(by: number, at: number): void {
    this.#changes = [...this.#changes.filter((each) => each.at > at - MEMORY_MS), { at, by }];
  }

  recommendedSince(at: number): number[] {
    return this.#recommended.filter((each) => each.at > at).map(({ replicas }) => replicas);
  }

  changeSince(at: number): number {
    return this.#changes.filter((each) => each.at > at).reduce((sum, { by }) => sum + by, 0);
  }
}

export interface Wish {
  readonly current: number;
  readonly desired: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface Outcome {
  readonly replicas: number;
  /** Reason and message of the condition AbleToScale, if the window held it back. */
  readonly stabilized?: readonly [string, string];
  /** Reason and message of the condition ScalingLimited, if a bound did. */
  readonly limited?: readonly [string, string];
}

type Spec = Pick<V2HorizontalPodAutoscalerSpec, "behavior" | "minReplicas" | "maxReplicas">;

export function withinBehavior(spec: Spec, wish: Wish, memory: Memory): Outcome {
  const stable = stabilize(spec, wish, memory);
  const limited = limit(spec, { ...wish, desired: stable }, memory);
  return { ...limited, stabilized: stabilization(wish.desired, stable) };
}

function stabilization(desired: number, stable: number): Outcome["stabilized"] {
  if (stable > desired)
    return [
      "ScaleDownStabilized",
      "recent recommendations were higher than current one, applying the highest recent recommendation",
    ];
  if (stable < desired)
    return [
      "ScaleUpStabilized",
      "recent recommendations were lower than current one, applying the lowest recent recommendation",
    ];
  return undefined;
}

/** Up only as far as all recent recommendations went, down only as far as none of them was above. */
function stabilize({ behavior }: Spec, { current, desired, now }: Wish, memory: Memory): number {
  const since = (seconds: number) => [desired, ...memory.recommendedSince(now - seconds * 1000)];
  const up = Math.min(...since(behavior?.scaleUp?.stabilizationWindowSeconds ?? 0));
  const down = Math.max(...since(behavior?.scaleDown?.stabilizationWindowSeconds ?? DOWN_WINDOW));
  memory.recommend(desired, now);
  if (current < up) return up;
  return current > down ? down : current;
}

const TOO_MANY = ["TooManyReplicas", "the desired replica count is more than the maximum replica count"] as const;
const TOO_FEW = ["TooFewReplicas", "the desired replica count is less than the minimum replica count"] as const;
const UP_LIMIT = [
  "ScaleUpLimit",
  "the desired replica count is increasing faster than the maximum scale rate",
] as const;
const DOWN_LIMIT = [
  "ScaleDownLimit",
  "the desired replica count is decreasing faster than the maximum scale rate",
] as const;

function limit(spec: Spec, wish: Wish, memory: Memory): Outcome {
  const { minReplicas = 1, maxReplicas } = spec;
  const { current, desired } = wish;
  const fastest = desired >= current ? upLimit(spec, wish, memory) : maxReplicas;
  const slowest = desired < current ? downLimit(spec, wish, memory) : minReplicas;
  const most = Math.min(maxReplicas, Math.max(fastest, current));
  const least = Math.max(minReplicas, Math.min(slowest, current));
  if (desired > most) return { replicas: most, limited: maxReplicas <= most ? TOO_MANY : UP_LIMIT };
  if (desired < least) return { replicas: least, limited: minReplicas >= least ? TOO_FEW : DOWN_LIMIT };
  return { replicas: desired };
}

/** Without rules: to the double, or to four. */
function upLimit({ behavior }: Spec, wish: Wish, memory: Memory): number {
  const rules = behavior?.scaleUp;
  if (!rules) return Math.max(2 * wish.current, 4);
  const bounds = boundsOf(rules, wish, memory, (start, part) => Math.ceil(start * (1 + part)), 1);
  return choose(rules, bounds, wish.current, Math.max, Math.min);
}

function downLimit({ behavior, minReplicas = 1 }: Spec, wish: Wish, memory: Memory): number {
  const rules = behavior?.scaleDown;
  if (!rules) return minReplicas;
  const bounds = boundsOf(rules, wish, memory, (start, part) => Math.floor(start * (1 - part)), -1);
  return choose(rules, bounds, wish.current, Math.min, Math.max);
}

/** How far each policy goes, from the size its period began with. */
function boundsOf(
  { policies = [] }: V2HPAScalingRules,
  { current, now }: Wish,
  memory: Memory,
  share: (start: number, part: number) => number,
  sign: 1 | -1,
): number[] {
  return policies.map(({ type, value, periodSeconds }) => {
    const start = current - memory.changeSince(now - periodSeconds * 1000);
    return type === "Percent" ? share(start, value / 100) : start + sign * value;
  });
}

/** @param far the bound of the policy that allows most @param near of that which allows least */
function choose(
  { selectPolicy }: V2HPAScalingRules,
  bounds: readonly number[],
  current: number,
  far: (...bounds: number[]) => number,
  near: (...bounds: number[]) => number,
): number {
  if (selectPolicy === "Disabled" || bounds.length === 0) return current;
  return selectPolicy === "Min" ? near(...bounds) : far(...bounds);
}
