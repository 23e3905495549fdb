/**
 * What a volume plugin is: a value. One file per plugin, registered in `index.ts`.
 *
 * A plugin keeps nothing in memory: its directories are its state, so that a volume made by an agent that was killed is
 * found, used and removed by the next. Volumes whose data lies elsewhere (claims, CSI drivers) fit in: they read their
 * objects with `get`, keep what Pods of a node share in `nodeDirectory`, and write into `directory` what `tearDown` needs.
 */
import type {
  DownwardAPIVolumeFile,
  ImageVolumeSource,
  Pod,
  ServiceAccountTokenProjection,
  Volume,
} from "#api/generated/types.js";
import type { KubeObject } from "#api/object.js";
import type { ResourceRef } from "#api/resource.js";
import type { ListQuery } from "#client/client.js";

export interface VolumePlugin {
  /** The field of the Volume it serves: "emptyDir", "configMap". */
  readonly name: string;
  /** Its folder in a Pod's directory, as the kubelet names it: "kubernetes.io~empty-dir". */
  readonly directoryName: string;
  /**
   * Brings the volume into being, or up to date; idempotent, and safe to repeat after it was cut off anywhere.
   * @throws VolumeError, or any Error, when it cannot be made now: the Pod waits and it is tried again
   */
  setUp(volume: Volume, context: VolumeContext): Promise<PreparedVolume>;
  /** Removes what setUp made; succeeds when it is gone. Needs no Volume: it works from the directory left on disk. */
  tearDown(volumeName: string, context: TearDownContext): Promise<void>;
}

export interface PreparedVolume {
  /** What containers mount, on the node: a directory, a file (hostPath), or a block device. */
  readonly path: string;
  /** No container may write to it, whatever its mount says. */
  readonly readOnly?: boolean;
  /** What it shows may change while the Pod runs: it is set up again now and then. */
  readonly follows?: boolean;
}

export interface TearDownContext {
  /** This volume's own directory: <data>/pods/<uid>/volumes/<plugin's directoryName>/<name>. */
  readonly directory: string;
  /** What the plugin keeps for all Pods of the node: <data>/plugins/<plugin's directoryName>. Not made in advance. */
  readonly nodeDirectory: string;
  /** Runs a program with arguments, never through a shell. Rejects with its standard error. */
  run(command: string, args: readonly string[]): Promise<string>;
}

export interface VolumeContext extends TearDownContext {
  readonly pod: Pod;
  /** Bytes of memory that Pods may ask for on this node. */
  readonly allocatableMemory: number;
  /** The folder in which the node keeps volumes that are made for claims. */
  readonly localStorage: string;
  /** ConfigMaps and Secrets of the Pod's namespace; undefined when they do not exist. Reads at one time are shared. */
  configMap(name: string): Promise<ConfigObject | undefined>;
  secret(name: string): Promise<ConfigObject | undefined>;
  /** Any other object that a node may read; undefined when there is none. */
  get<T extends KubeObject>(ref: ResourceRef<T>, name: string, namespace?: string): Promise<T | undefined>;
  list<T extends KubeObject>(ref: ResourceRef<T>, query: ListQuery): Promise<readonly T[]>;
  /** A token of the Pod's service account, bound to the Pod; the same one until it has to be renewed. */
  token(projection: ServiceAccountTokenProjection): Promise<string>;
  /** The id of an image that is present; fetched first if need be. @throws VolumePending while it is fetched */
  image(volumeName: string, source: ImageVolumeSource): Promise<string>;
  /** Unpacks a present image's file system into an empty directory. */
  unpackImage(id: string, directory: string): Promise<void>;
  /** The value of a field of the Pod. @throws Error for a field that cannot be referred to */
  downward(file: DownwardAPIVolumeFile): string;
}

export interface ConfigObject {
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
  readonly immutable?: boolean;
}

/** Nothing is wrong, something has to happen first: the Pod waits without an Event, and it is tried again soon. */
export class VolumePending extends Error {
  override name = "VolumePending";
}

/** The volume cannot be made now; the message ends up in a FailedMount Event and the Pod waits. */
export class VolumeError extends Error {
  override name = "VolumeError";
}
