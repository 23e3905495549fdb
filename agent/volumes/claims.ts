import { chmod, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { PersistentVolumeClaim } from "#api/generated/types.js";
import { persistentVolumeClaims, persistentVolumes } from "#api/refs.js";
import { BIND_COMPLETED } from "#api/storage.js";
import { sourcesOf } from "#api/volume-source.js";
import { ifPresent } from "../host/if-present.js";
import { makeFolders } from "../host/make-folders.js";
import { giveToGroup } from "./ownership.js";
import { type PreparedVolume, type VolumeContext, VolumeError } from "./plugin.js";
import { hostPath } from "./plugins/host-path.js";

/** @throws VolumeError when the Pod cannot have it now */
export async function claimNamed(name: string, { get, pod }: VolumeContext): Promise<PersistentVolumeClaim> {
  const claim = await get(persistentVolumeClaims, name, pod.metadata.namespace);
  if (!claim) throw new VolumeError(`persistentvolumeclaim "${name}" not found`);
  if (claim.metadata.deletionTimestamp) throw new VolumeError(`persistentvolumeclaim "${name}" is being deleted`);
  return claim;
}

/** What containers mount of the volume that the claim has. @throws VolumeError when there is none here */
export async function openClaim(claim: PersistentVolumeClaim, context: VolumeContext): Promise<PreparedVolume> {
  const { name, uid, annotations } = claim.metadata;
  const { volumeName } = claim.spec;
  if (!volumeName || !annotations?.[BIND_COMPLETED])
    throw new VolumeError(`persistentvolumeclaim "${name}" is not bound`);
  const volume = await context.get(persistentVolumes, volumeName);
  if (volume?.spec.claimRef?.uid !== uid)
    throw new VolumeError(`persistentvolume "${volumeName}" is not there for persistentvolumeclaim "${name}"`);
  if (volume.spec.volumeMode === "Block") throw new VolumeError("volumes of mode Block are not supported on this node");
  const { local, hostPath: folder } = volume.spec;
  if (local) return openLocal(local.path, context);
  if (folder) return hostPath.setUp({ name: volumeName, hostPath: folder }, context);
  throw new VolumeError(
    `persistentvolume "${volumeName}" is of a type that is not supported on this node: ${sourcesOf(volume.spec)[0]}`,
  );
}

/** Any user may write, as in an emptyDir. */
const MODE = 0o777;

async function openLocal(path: string, { pod, localStorage }: VolumeContext): Promise<PreparedVolume> {
  // Those that were made for claims are made here, when they are first used.
  if (dirname(path) === localStorage && !(await ifPresent(stat(path)))) {
    await makeFolders(path);
    await chmod(path, MODE);
  }
  const stats = await ifPresent(stat(path));
  if (!stats?.isDirectory()) throw new VolumeError(`path "${path}" is no directory of this node`);
  const { fsGroup: group, fsGroupChangePolicy: policy } = pod.spec.securityContext ?? {};
  if (group !== undefined) await giveToGroup(path, { group, policy });
  return { path };
}
