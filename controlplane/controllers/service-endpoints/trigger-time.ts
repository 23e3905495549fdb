import type { Pod, Service } from "#api/generated/types.js";
import { podCondition } from "#api/pod-state.js";

/**
 * Finds the moment that made endpoints change: the earliest change of a Pod or Service not accounted for yet. Readers
 * measure from it how long the network took to follow.
 */
export class TriggerTimes {
  readonly #last = new Map<string, number>();

  /** @returns RFC 3339, or undefined when nothing is newer than at the last call */
  next(key: string, service: Service, pods: readonly Pod[]): string | undefined {
    const last = this.#last.get(key) ?? 0;
    const times = [service.metadata.creationTimestamp];
    for (const pod of pods) {
      times.push(podCondition(pod, "Ready")?.lastTransitionTime ?? pod.metadata.creationTimestamp);
      if (pod.metadata.deletionTimestamp) times.push(pod.metadata.deletionTimestamp);
    }
    const newer = times.filter((time) => Date.parse(time) > last).sort();
    const latest = newer.at(-1);
    if (latest) this.#last.set(key, Date.parse(latest));
    return newer[0];
  }

  forget(key: string): void {
    this.#last.delete(key);
  }
}
