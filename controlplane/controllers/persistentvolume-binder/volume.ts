import type { PersistentVolume, PersistentVolumeClaim } from "#api/generated/types.js";
import { persistentVolumeClaims, persistentVolumes } from "#api/refs.js";
import { isNotFound } from "#api/status-error.js";
import { BOUND_BY_CONTROLLER, LOCAL_PROVISIONER, PROVISIONED_BY } from "#api/storage.js";
import type { ControllerContext } from "../controller.js";
import { setVolumePhase } from "./bind.js";

export async function syncVolume(name: string, context: ControllerContext): Promise<void> {
  const volume = context.informer(persistentVolumes).get(name);
  if (!volume) return;
  const { claimRef } = volume.spec;
  // One that is kept for a claim is as free as one for anybody until that claim takes it.
  if (!claimRef?.uid) {
    await setVolumePhase(volume, "Available", context);
    return;
  }
  const claim = await claimOf(volume, context);
  if (!claim) await release(volume, context);
  else if (claim.spec.volumeName === name) await setVolumePhase(volume, "Bound", context);
  else if (claim.spec.volumeName) await letGo(volume, context);
}

/** Also asks the API before it says that there is none: data may be lost by it. */
async function claimOf(
  { spec }: PersistentVolume,
  { informer, client }: ControllerContext,
): Promise<PersistentVolumeClaim | undefined> {
  const { namespace = "", name = "", uid } = spec.claimRef ?? {};
  const known = informer(persistentVolumeClaims).get(`${namespace}/${name}`);
  if (known?.metadata.uid === uid) return known;
  try {
    const found = await client.get(persistentVolumeClaims, name, namespace);
    return found.metadata.uid === uid ? found : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Its claim has another one. */
async function letGo(volume: PersistentVolume, context: ControllerContext): Promise<void> {
  const { annotations = {} } = volume.metadata;
  if (annotations[PROVISIONED_BY] && volume.spec.persistentVolumeReclaimPolicy === "Delete") {
    await release(volume, context);
    return;
  }
  const { claimRef, ...spec } = volume.spec;
  const { [BOUND_BY_CONTROLLER]: isOurs, ...others } = annotations;
  const { uid: _uid, resourceVersion: _version, ...kept } = claimRef ?? {};
  await context.client.update(persistentVolumes, {
    ...volume,
    metadata: { ...volume.metadata, annotations: others },
    spec: isOurs ? spec : { ...spec, claimRef: kept },
  });
}

/** https://kubernetes.io/docs/concepts/storage/persistent-volumes/#reclaiming */
async function release(volume: PersistentVolume, context: ControllerContext): Promise<void> {
  const { event, client } = context;
  const { persistentVolumeReclaimPolicy: policy } = volume.spec;
  const provisioner = volume.metadata.annotations?.[PROVISIONED_BY];
  const isNobodys = policy === "Recycle" || (policy === "Delete" && !provisioner);
  if (isNobodys) {
    const [reason, message] =
      policy === "Recycle"
        ? ["VolumeFailedRecycle", "No recycler plugin found for the volume!"]
        : [
            "VolumeFailedDelete",
            `error getting deleter volume plugin for volume "${volume.metadata.name}": no deletable volume plugin matched`,
          ];
    if (volume.status?.phase !== "Failed") event(volume, "Warning", reason, message);
    await setVolumePhase(volume, "Failed", context, message);
    return;
  }
  const released = await setVolumePhase(volume, "Released", context);
  if (policy !== "Delete" || provisioner !== LOCAL_PROVISIONER || released.metadata.deletionTimestamp) return;
  const { name, uid } = volume.metadata;
  await client.delete(persistentVolumes, name, undefined, { preconditions: { uid } });
}
