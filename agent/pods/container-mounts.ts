import { posix } from "node:path";
import type { Container, VolumeMount } from "#api/generated/types.js";
import type { ContainerMount } from "../runtime/runtime.js";
import type { SubPathRequest } from "../volumes/sub-path-mounts.js";
import type { PreparedVolumes } from "../volumes/volume-manager.js";
import { ContainerConfigError } from "./container-env.js";
import { expandVariables } from "./variable-expansion.js";

const PROPAGATION: Record<string, ContainerMount["propagation"]> = {
  None: "private",
  HostToContainer: "rslave",
  Bidirectional: "rshared",
};

/** Makes a part of a volume mountable. Resolves with its path; rejects when it leads out of the volume. */
export type SubPathMounter = (request: SubPathRequest) => Promise<string>;

/** @throws ContainerConfigError */
export async function volumeMounts(
  container: Container,
  volumes: PreparedVolumes,
  env: ReadonlyMap<string, string>,
  mountSubPath: SubPathMounter,
): Promise<ContainerMount[]> {
  const mounts: ContainerMount[] = [];
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const volume = volumes.get(mount.name);
    if (!volume)
      throw new ContainerConfigError(`cannot find volume "${mount.name}" to mount into container "${container.name}"`);
    const part = { volumeName: mount.name, volumePath: volume.path, container: container.name, index };
    mounts.push({
      hostPath: await sourceOf(mount, part, env, mountSubPath),
      containerPath: posix.isAbsolute(mount.mountPath) ? mount.mountPath : posix.join("/", mount.mountPath),
      readOnly: mount.readOnly === true || volume.readOnly === true,
      recursiveReadOnly: mount.recursiveReadOnly as ContainerMount["recursiveReadOnly"],
      propagation: PROPAGATION[mount.mountPropagation ?? "None"],
    });
  }
  return mounts;
}

/** The volume, or a file or directory in it. */
async function sourceOf(
  mount: VolumeMount,
  part: Omit<SubPathRequest, "subPath">,
  env: ReadonlyMap<string, string>,
  mountSubPath: SubPathMounter,
): Promise<string> {
  const subPath = mount.subPathExpr ? expanded(mount.subPathExpr, env) : mount.subPath;
  if (!subPath) return part.volumePath;
  const where = `failed to prepare subPath for volumeMount "${mount.name}" of container "${part.container}"`;
  if (posix.isAbsolute(subPath) || subPath.split("/").includes(".."))
    throw new ContainerConfigError(`${where}: "${subPath}" must be a relative path without ".."`);
  try {
    return await mountSubPath({ ...part, subPath });
  } catch (error) {
    throw new ContainerConfigError(`${where}: ${(error as Error).message}`);
  }
}

/** Other than in a command, a variable that is not known is an error: nobody wants a directory of that name. */
function expanded(expression: string, env: ReadonlyMap<string, string>): string {
  return expandVariables(expression, (name) => {
    const value = env.get(name);
    if (value === undefined) throw new ContainerConfigError(`subPathExpr "${expression}": no variable "${name}"`);
    return value;
  });
}
