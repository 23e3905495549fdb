/** The Pods in the API that show this node's static Pods. They can be read and nothing else: what is done to them is undone. */

import type { Logger } from "pino";
import type { Pod } from "#api/generated/types.js";
import type { Draft } from "#api/object.js";
import { keyOf } from "#api/object.js";
import { MIRROR } from "#api/pod-state.js";
import { pods } from "#api/refs.js";
import { isAlreadyExists, isConflict, isNotFound } from "#api/status-error.js";
import type { Client } from "#client/client.js";
import type { Clock } from "#client/clock.js";

export const staticUidOf = ({ metadata }: Pod): string | undefined => metadata.annotations?.[MIRROR];

const RETRY = 2_000;

export class MirrorPods {
  /** By the uid of the static Pod. */
  readonly #mirrors = new Map<string, Pod>();
  #wanted = new Map<string, Pod>();
  #running = false;
  #again = false;
  #stopped = false;

  constructor(private readonly options: { client: Client; clock: Clock; logger: Logger }) {}

  /** The mirror of a static Pod, if there is one that is not on its way out. */
  of(staticUid: string): Pod | undefined {
    const mirror = this.#mirrors.get(staticUid);
    return mirror?.metadata.deletionTimestamp ? undefined : mirror;
  }

  /** These static Pods there are now. */
  want(wanted: readonly Pod[]): void {
    this.#wanted = new Map(wanted.map((pod) => [pod.metadata.uid, pod]));
    this.reconcile();
  }

  /** The API shows this mirror like this. */
  seen(mirror: Pod): void {
    this.#mirrors.set(staticUidOf(mirror) ?? "", mirror);
    this.reconcile();
  }

  gone(mirror: Pod): void {
    const uid = staticUidOf(mirror) ?? "";
    if (this.#mirrors.get(uid)?.metadata.uid === mirror.metadata.uid) this.#mirrors.delete(uid);
    this.reconcile();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Makes what is missing and removes what is too much; tries again until it is so. */
  reconcile(): void {
    this.#again = true;
    if (this.#running || this.#stopped) return;
    this.#running = true;
    void this.#loop();
  }

  async #loop(): Promise<void> {
    const { clock, logger } = this.options;
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        await this.#once();
      } catch (error) {
        logger.debug({ err: error }, "mirror Pods not up to date, will be tried again");
        await new Promise<void>((resolve) => clock.after(RETRY, resolve));
        this.#again = true;
      }
    }
    this.#running = false;
  }

  async #once(): Promise<void> {
    const { client } = this.options;
    for (const [uid, { metadata }] of this.#mirrors) {
      if (this.#wanted.has(uid) && !metadata.deletionTimestamp) continue;
      const { name, namespace } = metadata;
      const options = { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid } };
      await client.delete(pods, name, namespace, options).catch((error) => {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      });
    }
    for (const [uid, pod] of this.#wanted) {
      if (this.#mirrors.has(uid) || this.#isNameTaken(pod)) continue;
      await client.create(pods, mirrorOf(pod)).catch((error) => {
        // The watch will tell of it.
        if (!isAlreadyExists(error)) throw error;
      });
    }
  }

  /** The mirror of what the file said before may still be on its way out. */
  #isNameTaken(pod: Pod): boolean {
    return [...this.#mirrors.values()].some((mirror) => keyOf(mirror) === keyOf(pod));
  }
}

function mirrorOf({ metadata, spec }: Pod): Draft<Pod> {
  const { name, namespace, labels, annotations, uid } = metadata;
  return { metadata: { name, namespace, labels, annotations: { ...annotations, [MIRROR]: uid } }, spec };
}
