import { mkdir, realpath } from "node:fs/promises";
import { join, posix } from "node:path";
import type { Container, VolumeMount } from "#api/generated/types.js";
import type { ContainerMount } from "../runtime/runtime.js";
import type { PreparedVolumes } from "../volumes/volume-manager.js";
import { ContainerConfigError } from "./container-env.js";
import { expandVariables } from "./variable-expansion.js";

const PROPAGATION: Record<string, ContainerMount["propagation"]> = {
  None: "private",
  HostToContainer: "rslave",
  Bidirectional: "rshared",
};

/** @throws ContainerConfigError */
export async function volumeMounts(
  container: Container,
  volumes: PreparedVolumes,
  env: ReadonlyMap<string, string>,
): Promise<ContainerMount[]> {
  const mounts: ContainerMount[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const volume = volumes.get(mount.name);
    if (!volume)
      throw new ContainerConfigError(`cannot find volume "${mount.name}" to mount into container "${container.name}"`);
    mounts.push({
      hostPath: await sourceOf(mount, volume.path, env),
      containerPath: posix.isAbsolute(mount.mountPath) ? mount.mountPath : posix.join("/", mount.mountPath),
      readOnly: mount.readOnly === true || volume.readOnly === true,
      propagation: PROPAGATION[mount.mountPropagation ?? "None"],
    });
  }
  return mounts;
}

/** The volume, or a file or directory in it. Links inside the volume must not lead out of it. */
async function sourceOf(mount: VolumeMount, volume: string, env: ReadonlyMap<string, string>): Promise<string> {
  const subPath = mount.subPathExpr ? expandVariables(mount.subPathExpr, (name) => env.get(name)) : mount.subPath;
  if (!subPath) return volume;
  if (posix.isAbsolute(subPath) || subPath.split("/").includes(".."))
    throw new ContainerConfigError(`subPath "${subPath}" must be a relative path without ".."`);
  const path = join(volume, subPath);
  const root = await realpath(volume);
  const target = await realpath(path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    await mkdir(path, { recursive: true, mode: 0o755 });
    return realpath(path);
  });
  if (target !== root && !target.startsWith(`${root}/`))
    throw new ContainerConfigError(
      `failed to prepare subPath for volumeMount "${mount.name}" of container: "${subPath}" leads out of the volume`,
    );
  return target;
}
