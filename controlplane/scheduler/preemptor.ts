import type { PodDisruptionBudget } from "#api/generated/types.js";
import type { Client } from "#client/client.js";
import type { Clock } from "#client/clock.js";
import { disruptPod } from "#client/disrupt-pod.js";
import type { EventRecorder } from "#client/event-recorder.js";
import type { NodeRejection } from "./choose-node.js";
import { refusalMessage } from "./failure-message.js";
import type { Plugin } from "./framework.js";
import type { NodeInfo } from "./node-info.js";
import { Nominations } from "./nominations.js";
import { type PodInfo, priorityOf } from "./pod-info.js";
import { choosePreemption } from "./preemption.js";

export interface PreemptorOptions {
  client: Client;
  clock: Clock;
  recorder: EventRecorder;
  plugins: readonly Plugin[];
  /** Those of the whole cluster, as they are now. */
  budgets(): readonly PodDisruptionBudget[];
  onError(error: Error, victim: string): void;
}

export interface Attempt {
  /** What is to be said of it; empty while room is being made. */
  message: string;
  /** Where room is kept for the Pod from now on; empty: nowhere. */
  nodeName: string;
}

/** Ends Pods to make room for one that is more important, and keeps the room until they have gone. */
export class Preemptor {
  readonly nominations = new Nominations();
  /** Uids of those that were told to go, and may not show it yet. */
  readonly #leaving = new Set<string>();

  constructor(private readonly options: PreemptorOptions) {}

  /**
   * @param nodes those that the Pod was rejected on, as they were then
   * @param rejections one for each of them
   */
  attempt(pod: PodInfo, nodes: readonly NodeInfo[], rejections: readonly NodeRejection[]): Attempt {
    const { uid } = pod.pod.metadata;
    const nominated = this.nominations.nodeOf(uid);
    if (pod.pod.spec.preemptionPolicy === "Never")
      return { message: "not eligible due to preemptionPolicy=Never.", nodeName: "" };
    if (nominated !== undefined && this.#isBeingEmptied(pod, nominated, nodes, rejections))
      return { message: "not eligible due to a terminating pod on the nominated node.", nodeName: nominated };
    const { plugins, budgets } = this.options;
    const chosen = choosePreemption(pod, nodes, rejections, { plugins, budgets: budgets() });
    if (!("nodeName" in chosen)) {
      this.nominations.delete(uid);
      return { message: refusalMessage(chosen), nodeName: "" };
    }
    const { nodeName, victims } = chosen;
    this.nominations.outrank(nodeName, pod);
    this.nominations.set(pod, nodeName);
    for (const victim of victims) void this.#evict(victim, pod, nodeName);
    return { message: "", nodeName };
  }

  /** The Pod has ended. @returns whether room was kept for it */
  gone(uid: string): boolean {
    this.#leaving.delete(uid);
    return this.nominations.delete(uid);
  }

  #isBeingEmptied(
    pod: PodInfo,
    nodeName: string,
    nodes: readonly NodeInfo[],
    rejections: readonly NodeRejection[],
  ): boolean {
    const index = nodes.findIndex(({ name }) => name === nodeName);
    const node = nodes[index];
    if (!node || rejections[index]?.unresolvable) return false;
    return [...node.pods()].some(
      (other) =>
        priorityOf(other) < priorityOf(pod) &&
        (other.pod.metadata.deletionTimestamp || this.#leaving.has(other.pod.metadata.uid)),
    );
  }

  async #evict({ pod }: PodInfo, by: PodInfo, nodeName: string): Promise<void> {
    const { client, clock, recorder, onError } = this.options;
    const { uid, name } = pod.metadata;
    this.#leaving.add(uid);
    recorder.event(pod, "Normal", "Preempted", `Preempted by pod ${by.pod.metadata.uid} on node ${nodeName}`);
    const reason = "PreemptionByScheduler";
    const message = "default-scheduler: preempting to accommodate a higher priority pod";
    try {
      await disruptPod(client, pod, { reason, message, now: clock.now() });
    } catch (error) {
      // It stays; the next attempt for the Pod that needs its place tries again.
      this.#leaving.delete(uid);
      onError(error as Error, name);
    }
  }
}
