/** Operations on Pods and kills of a node's programs, all drawn from one seed: the same seed gives the same plan. Pure. */
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

export type Shape = "plain" | "volumes" | "init" | "probed" | "once" | "guaranteed";

/** What a Pod has to be at the end. */
export interface PlannedPod {
  name: string;
  shape: Shape;
  label: string;
  image: string;
  /** Of a "once" Pod. */
  exitCode: number;
}

export type Operation = { pod: string; pauseMs: number } & (
  | { verb: "create"; planned: PlannedPod }
  | { verb: "label"; label: string }
  | { verb: "image"; image: string }
  | { verb: "crash" | "unready" | "ready" | "sicken" | "delete" }
);

export interface Kill {
  /** When so many operations have begun. */
  after: number;
  delayMs: number;
  victims: readonly ("agent" | "dockerd")[];
  /** How long they stay dead. */
  downMs: number;
  /** Killed once more so long after the new start. */
  againMs?: number;
}

export interface Plan {
  /** Each lane one after the other, the lanes side by side. */
  lanes: Operation[][];
  kills: Kill[];
  /** Pods that are there when everything is done. */
  survivors: PlannedPod[];
}

export const IMAGES = ["busybox:latest", "busybox:other"] as const;
const SHAPES: readonly Shape[] = ["plain", "volumes", "volumes", "init", "probed", "probed", "once", "guaranteed"];
/** Each further end of a container is followed by a longer back-off, in which nothing is to be seen. */
const MOST_CRASHES = 2;

export function planRandom(seed: number, operations: number, lanes: number): Plan {
  const generator = xoroshiro128plus(seed);
  const upTo = (most: number) => uniformInt(generator, 0, most);
  const oneOf = <T>(values: readonly T[]): T => values[upTo(values.length - 1)]!;
  const planned = Array.from({ length: lanes }, (_, lane) => {
    const count = Math.floor((operations * (lane + 1)) / lanes) - Math.floor((operations * lane) / lanes);
    return planLane(lane, count, upTo, oneOf);
  });
  return {
    lanes: planned.map(({ steps }) => steps),
    survivors: planned.flatMap(({ survivor }) => survivor ?? []),
    kills: planKills(operations, upTo),
  };
}

type UpTo = (most: number) => number;
type OneOf = <T>(values: readonly T[]) => T;

function planLane(lane: number, count: number, upTo: UpTo, oneOf: OneOf) {
  const steps: Operation[] = [];
  let current: PlannedPod | undefined;
  let generation = 0;
  let crashes = 0;
  const add = (verb: object) =>
    steps.push({ pod: current!.name, pauseMs: steps.length === 0 ? upTo(800) : upTo(1200), ...verb } as Operation);
  while (steps.length < count) {
    if (!current) {
      const name = `pod-${lane}-${generation++}`;
      current = { name, shape: oneOf(SHAPES), label: "first", image: IMAGES[0], exitCode: oneOf([0, 3]) };
      crashes = 0;
      // As it is created: the plan goes on changing its own.
      add({ verb: "create", planned: { ...current } });
      continue;
    }
    const verb = oneOf(verbsFor(current.shape, crashes < MOST_CRASHES));
    if (verb === "label") current.label = `v${steps.length}`;
    if (verb === "image") current.image = IMAGES[current.image === IMAGES[0] ? 1 : 0];
    if (verb === "crash" || verb === "sicken" || verb === "image") crashes++;
    add({
      verb,
      ...(verb === "label" ? { label: current.label } : {}),
      ...(verb === "image" ? { image: current.image } : {}),
    });
    if (verb === "delete") current = undefined;
  }
  return { steps, survivor: current };
}

function verbsFor(shape: Shape, mayCrash: boolean): Operation["verb"][] {
  const verbs: Operation["verb"][] = ["label", "label", "delete"];
  if (shape !== "once" && mayCrash) verbs.push("image", "crash", "crash");
  if (shape === "probed") verbs.push("unready", "ready");
  if (shape === "probed" && mayCrash) verbs.push("sicken");
  return verbs;
}

/** The agent's kills first, then one of the engine, then one of both. */
function planKills(operations: number, upTo: UpTo): Kill[] {
  const at = (from: number, to: number) => Math.floor(operations * from) + upTo(Math.floor(operations * (to - from)));
  const kill = (after: number, victims: Kill["victims"], again: boolean): Kill => ({
    ...{ after, victims, delayMs: upTo(400), downMs: upTo(1000) },
    ...(again ? { againMs: 100 + upTo(1500) } : {}),
  });
  return [
    kill(at(0.04, 0.14), ["agent"], false),
    kill(at(0.18, 0.32), ["agent"], true),
    kill(at(0.36, 0.46), ["agent"], true),
    kill(at(0.48, 0.56), ["agent"], false),
    kill(at(0.6, 0.72), ["dockerd"], false),
    kill(at(0.8, 0.94), ["agent", "dockerd"], true),
  ];
}
