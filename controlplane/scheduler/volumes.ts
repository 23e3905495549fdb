/** What is known of claims and volumes, and who has been promised which before the API says so. */
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass } from "#api/generated/types.js";
import { keyOf } from "#api/object.js";
import { claimsOf } from "#api/pod-claims.js";
import { persistentVolumeClaims, persistentVolumes, storageClasses } from "#api/refs.js";
import { BIND_COMPLETED } from "#api/storage.js";
import type { Client } from "#client/client.js";
import type { Clock } from "#client/clock.js";
import { type Informer, startInformer } from "#client/informer.js";

export interface VolumesOptions {
  client: Client;
  clock: Clock;
  onError(error: Error): void;
}

export interface ClaimOfPod {
  readonly name: string;
  /** Undefined: there is none. */
  readonly claim: PersistentVolumeClaim | undefined;
  /** Made for this Pod. */
  readonly ephemeral: boolean;
}

/** A claim that waits for its first Pod is promised a node and, if there is one that fits, a volume. */
export interface Promised {
  readonly node: string;
  readonly volume?: string;
  /** For whose sake: a Pod's uid. */
  readonly pod: string;
}

export class Volumes {
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #classes: Informer<StorageClass>;
  readonly #promises = new Map<string, Promised>();
  readonly #listeners = new Set<() => void>();
  readonly synced: Promise<unknown>;
  /** Nothing will change any more. */
  stopped = false;

  constructor(options: VolumesOptions) {
    const { client } = options;
    const changed = () => this.#tell();
    const handler = { onAdd: changed, onUpdate: changed, onDelete: changed };
    this.#claims = startInformer(client, persistentVolumeClaims, options);
    this.#claims.addHandler(handler);
    this.#volumes = startInformer(client, persistentVolumes, options);
    this.#volumes.addHandler(handler);
    this.#classes = startInformer(client, storageClasses, options);
    this.#classes.addHandler(handler);
    this.synced = Promise.all([this.#claims.synced, this.#volumes.synced, this.#classes.synced]);
  }

  /** Also told of the end. @returns ends it */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    for (const informer of [this.#claims, this.#volumes, this.#classes]) informer.stop();
    this.stopped = true;
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  claimsOf(pod: Pod): ClaimOfPod[] {
    const { namespace } = pod.metadata;
    return claimsOf(pod).map(({ claim: name, ephemeral }) => ({
      name,
      claim: this.#claims.get(`${namespace}/${name}`),
      ephemeral,
    }));
  }

  claim(claim: PersistentVolumeClaim): PersistentVolumeClaim | undefined {
    return this.#claims.get(keyOf(claim));
  }

  volume(name: string | undefined): PersistentVolume | undefined {
    return name ? this.#volumes.get(name) : undefined;
  }

  classOf({ spec }: PersistentVolumeClaim): StorageClass | undefined {
    return spec.storageClassName ? this.#classes.get(spec.storageClassName) : undefined;
  }

  /** Those nobody was promised. */
  free(): PersistentVolume[] {
    const taken = new Set([...this.#promises.values()].map(({ volume }) => volume));
    return this.#volumes.list().filter(({ metadata }) => !taken.has(metadata.name));
  }

  promise(claim: PersistentVolumeClaim, promised: Promised): void {
    this.#promises.set(claim.metadata.uid, promised);
  }

  promised({ metadata }: PersistentVolumeClaim): Promised | undefined {
    return this.#promises.get(metadata.uid);
  }

  /** Of what was promised for the Pod's sake. */
  takeBack({ metadata }: PersistentVolumeClaim, pod: Pod): void {
    if (this.#promises.get(metadata.uid)?.pod === pod.metadata.uid) this.#promises.delete(metadata.uid);
  }
}

export const isBound = ({ metadata, spec }: PersistentVolumeClaim): boolean =>
  Boolean(spec.volumeName && metadata.annotations?.[BIND_COMPLETED]);

/** Where volumes of the class may be. */
export function isAllowed({ allowedTopologies }: StorageClass, { metadata }: Node): boolean {
  if (!allowedTopologies?.length) return true;
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => values.includes(metadata.labels?.[key] ?? "")),
  );
}
