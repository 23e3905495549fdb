import { chmod, chown, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Pod, Volume } from "#api/generated/types.js";
import type { ConfigSource } from "./config-source.js";
import { VolumeError, type VolumePlugin } from "./plugin.js";

/** One volume that could not be made. The message is that of the FailedMount Event. */
export class MountFailure extends Error {
  override name = "MountFailure";

  constructor(volume: string, why: string) {
    super(`MountVolume.SetUp failed for volume "${volume}" : ${why}`);
  }
}

export interface VolumeManagerOptions {
  plugins: readonly VolumePlugin[];
  config: ConfigSource;
  /** Directory of a Pod: volumes go below `volumes/`. */
  podDirectory(uid: string): string;
  run(command: string, args: readonly string[]): Promise<string>;
}

/** Brings a Pod's volumes into being and takes them away. Knows nothing in memory: the directories are the state. */
export class VolumeManager {
  constructor(private readonly options: VolumeManagerOptions) {}

  /**
   * Sets up, or brings up to date, all of the Pod's volumes. Resolves with volume name → host path.
   * @throws AggregateError of MountFailures, after all volumes were tried
   */
  async setUp(pod: Pod): Promise<ReadonlyMap<string, string>> {
    const paths = new Map<string, string>();
    const failures: MountFailure[] = [];
    for (const volume of pod.spec.volumes ?? []) {
      try {
        paths.set(volume.name, await this.#setUpOne(pod, volume));
      } catch (error) {
        failures.push(new MountFailure(volume.name, (error as Error).message));
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, failures.map((f) => f.message).join("; "));
    return paths;
  }

  async #setUpOne(pod: Pod, volume: Volume): Promise<string> {
    const plugin = this.options.plugins.find(({ name }) => volume[name as keyof Volume] !== undefined);
    if (!plugin) {
      const type = Object.keys(volume).find((key) => key !== "name" && volume[key as keyof Volume] !== undefined);
      throw new VolumeError(`volume type ${type ?? "(none)"} is not supported on this node`);
    }
    const { config, run } = this.options;
    const namespace = pod.metadata.namespace ?? "";
    const directory = this.#directory(pod.metadata.uid, plugin, volume.name);
    const path = await plugin.setUp(volume, {
      pod,
      directory,
      run,
      configMap: (name) => config.configMap(namespace, name),
      secret: (name) => config.secret(namespace, name),
    });
    const group = pod.spec.securityContext?.fsGroup;
    if (group !== undefined && path === directory) await giveToGroup(directory, group);
    return path;
  }

  /** Whether the volumes follow objects that may change while the Pod runs. */
  static followsChanges(pod: Pod): boolean {
    return (pod.spec.volumes ?? []).some((volume) => volume.configMap || volume.secret);
  }

  /**
   * Removes every volume found on disk, whoever made it.
   * @throws AggregateError after all were tried
   */
  async tearDown(uid: string): Promise<void> {
    const failures: unknown[] = [];
    for (const plugin of this.options.plugins) {
      const folder = join(this.options.podDirectory(uid), "volumes", plugin.directoryName);
      for (const name of await readdir(folder).catch(() => [])) {
        const directory = this.#directory(uid, plugin, name);
        await plugin.tearDown(name, { directory, run: this.options.run }).catch((error) => failures.push(error));
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, `volumes of pod ${uid} cannot be removed`);
    await rm(join(this.options.podDirectory(uid), "volumes"), { recursive: true, force: true });
  }

  #directory(uid: string, plugin: VolumePlugin, volumeName: string): string {
    return join(this.options.podDirectory(uid), "volumes", plugin.directoryName, volumeName);
  }
}

/** The Pod's fsGroup owns the volume, and what is made in it belongs to the group too. */
async function giveToGroup(directory: string, group: number): Promise<void> {
  const { mode, gid } = await stat(directory);
  if (gid !== group) await chown(directory, 0, group);
  await chmod(directory, (mode & 0o7777) | 0o2070);
}
