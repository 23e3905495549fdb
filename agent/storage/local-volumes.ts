/**
 * Volumes that were made for claims are folders on this node's disk: when one is deleted its data goes first. The API keeps the
 * volume until then, so that an agent that was killed goes on where it was.
 */
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Logger } from "pino";
import { withoutFinalizer } from "#api/finalizers.js";
import type { PersistentVolume } from "#api/generated/types.js";
import { persistentVolumes } from "#api/refs.js";
import { isConflict, isNotFound } from "#api/status-error.js";
import { LOCAL_DATA, LOCAL_NODE } from "#api/storage.js";
import type { Client } from "#client/client.js";
import type { Clock } from "#client/clock.js";
import { type Informer, startInformer } from "#client/informer.js";

export interface LocalVolumesOptions {
  client: Client;
  nodeName: string;
  /** Where the folders are; nothing else is ever removed. */
  directory: string;
  clock: Clock;
  logger: Logger;
}

/** Before what failed is tried again, ms. */
const RETRY_MS = 10_000;
const CONFLICT_MS = 100;

export class LocalVolumes {
  readonly #informer: Informer<PersistentVolume>;
  readonly #busy = new Set<string>();
  #stopped = false;

  constructor(private readonly options: LocalVolumesOptions) {
    const { client, nodeName, clock, logger } = options;
    this.#informer = startInformer(client, persistentVolumes, {
      labelSelector: `${LOCAL_NODE}=${nodeName}`,
      clock,
      onError: (error) => logger.debug({ err: error }, "volumes of this node: list or watch failed"),
    });
    const look = (volume: PersistentVolume) => void this.#look(volume);
    this.#informer.addHandler({ onAdd: look, onUpdate: look });
  }

  stop(): void {
    this.#stopped = true;
    this.#informer.stop();
  }

  async #look(volume: PersistentVolume): Promise<void> {
    const { name, deletionTimestamp, finalizers } = volume.metadata;
    if (this.#stopped || !deletionTimestamp || !finalizers?.includes(LOCAL_DATA) || this.#busy.has(name)) return;
    this.#busy.add(name);
    try {
      await this.#remove(volume);
    } catch (error) {
      if (isNotFound(error)) return;
      const { clock, logger } = this.options;
      // A newer version is on its way here, and may have come while this one was busy.
      const delay = isConflict(error) ? CONFLICT_MS : RETRY_MS;
      if (!isConflict(error)) logger.warn({ volume: name, err: error }, "data not removed, will be tried again");
      clock.after(delay, () => this.#again(name));
    } finally {
      this.#busy.delete(name);
    }
  }

  #again(name: string): void {
    const volume = this.#informer.get(name);
    if (volume) void this.#look(volume);
  }

  async #remove(volume: PersistentVolume): Promise<void> {
    const { name } = volume.metadata;
    const { client, directory, logger } = this.options;
    const path = volume.spec.local?.path ?? "";
    // Whoever may write volumes shall not have other folders of the node removed.
    if (dirname(path) !== directory) logger.warn({ volume: name, path }, "not among our folders: left alone");
    else await rm(path, { recursive: true, force: true });
    const body = withoutFinalizer(volume, LOCAL_DATA);
    await client.patch(persistentVolumes, name, { type: "application/merge-patch+json", body });
  }
}
