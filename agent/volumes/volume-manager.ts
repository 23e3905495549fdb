import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DownwardAPIVolumeFile, ImageVolumeSource, Pod, Volume } from "#api/generated/types.js";
import { ifPresent } from "../host/if-present.js";
import type { ConfigSource } from "./config-source.js";
import { type PreparedVolume, type TearDownContext, VolumeError, VolumePending, type VolumePlugin } from "./plugin.js";
import type { ServiceAccountTokens } from "./service-account-tokens.js";
import { mountSubPath, type SubPathRequest, unmountSubPaths } from "./sub-path-mounts.js";

/** One volume that could not be made. The message is that of the FailedMount Event. */
export class MountFailure extends Error {
  override name = "MountFailure";

  /** Nothing to tell anybody: the volume is being seen to. */
  readonly pending: boolean;

  constructor(volume: string, why: Error) {
    super(`MountVolume.SetUp failed for volume "${volume}" : ${why.message}`);
    this.pending = why instanceof VolumePending;
  }
}

export interface VolumeManagerOptions {
  plugins: readonly VolumePlugin[];
  config: ConfigSource;
  tokens: ServiceAccountTokens;
  /** Directory of a Pod: volumes go below `volumes/`. */
  podDirectory(uid: string): string;
  /** What plugins keep for all Pods: <data>/plugins. */
  pluginsDirectory: string;
  /** Bytes. */
  allocatableMemory: number;
  /** As in {@link VolumeContext}. */
  localStorage: string;
  downward(pod: Pod, file: DownwardAPIVolumeFile): string;
  /** As in {@link VolumeContext}, of any Pod. */
  image(pod: Pod, volumeName: string, source: ImageVolumeSource): Promise<string>;
  unpackImage(id: string, directory: string): Promise<void>;
  run(command: string, args: readonly string[]): Promise<string>;
}

/** The Pod's volumes by name. */
export type PreparedVolumes = ReadonlyMap<string, PreparedVolume>;

/** Brings a Pod's volumes into being and takes them away. Knows nothing in memory: the directories are the state. */
export class VolumeManager {
  constructor(private readonly options: VolumeManagerOptions) {}

  /**
   * Sets up all of the Pod's volumes; brings up to date those of `before` that follow something.
   * @throws AggregateError of MountFailures, after all volumes were tried
   */
  async setUp(pod: Pod, before: PreparedVolumes = new Map()): Promise<PreparedVolumes> {
    const volumes = pod.spec.volumes ?? [];
    const keepOrSetUp = async (volume: Volume) => {
      const known = before.get(volume.name);
      return known && !known.follows ? known : await this.#setUpOne(pod, volume);
    };
    const outcomes = await Promise.allSettled(volumes.map(keepOrSetUp));
    const prepared = new Map<string, PreparedVolume>();
    const failures: MountFailure[] = [];
    outcomes.forEach((outcome, i) => {
      const name = volumes[i]?.name ?? "";
      if (outcome.status === "fulfilled") prepared.set(name, outcome.value);
      else failures.push(new MountFailure(name, outcome.reason as Error));
    });
    if (failures.length > 0) throw new AggregateError(failures, failures.map((f) => f.message).join("; "));
    return prepared;
  }

  async #setUpOne(pod: Pod, volume: Volume): Promise<PreparedVolume> {
    const plugin = this.options.plugins.find(({ name }) => volume[name as keyof Volume] !== undefined);
    if (!plugin) {
      const type = Object.keys(volume).find((key) => key !== "name" && volume[key as keyof Volume] !== undefined);
      throw new VolumeError(`volume type ${type ?? "(none)"} is not supported on this node`);
    }
    const { config, tokens, downward, allocatableMemory, localStorage, image, unpackImage } = this.options;
    const namespace = pod.metadata.namespace ?? "";
    return plugin.setUp(volume, {
      ...this.#place(pod.metadata.uid, plugin, volume.name),
      pod,
      allocatableMemory,
      localStorage,
      configMap: (name) => config.configMap(namespace, name),
      secret: (name) => config.secret(namespace, name),
      get: (ref, name, inNamespace) => config.get(ref, name, inNamespace),
      list: (ref, query) => config.list(ref, query),
      token: (projection) => tokens.tokenFor(pod, projection),
      image: (volumeName, source) => image(pod, volumeName, source),
      unpackImage,
      downward: (file) => downward(pod, file),
    });
  }

  /** Makes a part of a prepared volume mountable by itself. @throws VolumeError when it leads out of the volume */
  mountSubPath(uid: string, request: SubPathRequest): Promise<string> {
    return mountSubPath(this.options.podDirectory(uid), request, this.options.run);
  }

  /**
   * Removes every volume found on disk, whoever made it.
   * @throws AggregateError after all were tried
   */
  async tearDown(uid: string): Promise<void> {
    this.options.tokens.forget(uid);
    const failures: unknown[] = [];
    await unmountSubPaths(this.options.podDirectory(uid), this.options.run).catch((error) => failures.push(error));
    for (const plugin of this.options.plugins) {
      const folder = join(this.options.podDirectory(uid), "volumes", plugin.directoryName);
      for (const name of (await ifPresent(readdir(folder))) ?? [])
        await plugin.tearDown(name, this.#place(uid, plugin, name)).catch((error) => failures.push(error));
    }
    if (failures.length > 0) throw new AggregateError(failures, `volumes of pod ${uid} cannot be removed`);
    await rm(join(this.options.podDirectory(uid), "volumes"), { recursive: true, force: true });
  }

  #place(uid: string, plugin: VolumePlugin, volumeName: string): TearDownContext {
    const { podDirectory, pluginsDirectory, run } = this.options;
    return {
      directory: join(podDirectory(uid), "volumes", plugin.directoryName, volumeName),
      nodeDirectory: join(pluginsDirectory, plugin.directoryName),
      run,
    };
  }
}
