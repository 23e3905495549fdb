/** What the node has promised to its Pods. The scheduler keeps the same account; Pods may come past it, and be resized. */

import type { Pod } from "#api/generated/types.js";
import { podRequests, type Resources } from "#api/pod-resources.js";
import type { NodeCapacity } from "./downward-fields.js";
import { asGranted } from "./granted.js";

export interface Shortage {
  resource: string;
  requested: number;
  /** By other Pods. */
  used: number;
  capacity: number;
}

export class Allocations {
  readonly #held = new Map<string, Resources>();
  readonly #waiting = new Map<string, () => void>();
  readonly #room: Resources;

  constructor({ milliCpu, memory, pods, storage }: NodeCapacity) {
    this.#room = new Map([
      ["cpu", milliCpu],
      ["memory", memory],
      ["pods", pods],
      ...(storage === undefined ? [] : [["ephemeral-storage", storage] as const]),
    ]);
  }

  /** The Pod was taken on before: it has what it was granted, whether or not that fits. */
  hold(pod: Pod): void {
    if (!this.#held.has(pod.metadata.uid)) this.#held.set(pod.metadata.uid, asked(asGranted(pod)));
  }

  /** Takes the Pod on, or changes what it has, if there is room for all of it. Returns what there is too little of. */
  claim(pod: Pod): Shortage | undefined {
    const [short] = this.shortages(pod);
    if (short) return short;
    this.#held.set(pod.metadata.uid, asked(pod));
    this.#waiting.delete(pod.metadata.uid);
    return undefined;
  }

  /** All that there is too little of for the Pod. */
  shortages(pod: Pod): Shortage[] {
    const { uid } = pod.metadata;
    const requests = asked(pod);
    const before = this.#held.get(uid);
    const short: Shortage[] = [];
    for (const [resource, capacity] of this.#room) {
      const requested = requests.get(resource) ?? 0;
      const used = this.#usedByOthers(uid, resource);
      const grows = requested > (before?.get(resource) ?? 0);
      if (grows && requested > capacity - used) short.push({ resource, requested, used, capacity });
    }
    return short;
  }

  /** What the Pod has been promised; undefined: nothing, or it has given it back. */
  heldBy(uid: string): Resources | undefined {
    return this.#held.get(uid);
  }

  /** Calls once when room has come back. */
  onRoom(uid: string, wake: () => void): void {
    this.#waiting.set(uid, wake);
  }

  release(uid: string): void {
    this.#waiting.delete(uid);
    if (!this.#held.delete(uid)) return;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  #usedByOthers(uid: string, resource: string): number {
    let sum = 0;
    for (const [other, requests] of this.#held) if (other !== uid) sum += requests.get(resource) ?? 0;
    return sum;
  }
}

function asked(pod: Pod): Resources {
  return new Map([...podRequests(pod), ["pods", 1]]);
}
