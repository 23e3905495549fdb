/** What a volume plugin is: a value. One file per plugin, registered in `index.ts`. */
import type { Pod, Volume } from "#api/generated/types.js";

export interface VolumePlugin {
  /** The field of the Volume it serves: "emptyDir", "configMap". */
  readonly name: string;
  /** Its folder in a Pod's directory, as the kubelet names it: "kubernetes.io~empty-dir". */
  readonly directoryName: string;
  /** Brings the volume into being, or up to date; idempotent. Returns the host path to bind into containers. */
  setUp(volume: Volume, context: VolumeContext): Promise<string>;
  /** Removes what setUp made; succeeds when it is gone. Needs no Volume: it works from the directory left on disk. */
  tearDown(volumeName: string, context: Pick<VolumeContext, "directory" | "run">): Promise<void>;
}

export interface VolumeContext {
  readonly pod: Pod;
  /** This volume's own directory: <data>/pods/<uid>/volumes/<plugin's directoryName>/<name>. */
  readonly directory: string;
  /** ConfigMaps and Secrets of the Pod's namespace; undefined when they do not exist. */
  configMap(name: string): Promise<{ data?: Record<string, string>; binaryData?: Record<string, string> } | undefined>;
  secret(name: string): Promise<{ data?: Record<string, string> } | undefined>;
  /** Runs a program with arguments, never through a shell. Rejects with its standard error. */
  run(command: string, args: readonly string[]): Promise<string>;
}

/** The volume cannot be made now; the message ends up in a FailedMount Event and the Pod waits. */
export class VolumeError extends Error {
  override name = "VolumeError";
}
