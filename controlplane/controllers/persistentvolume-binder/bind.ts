/** The four writes of a binding, in the order in which they are safe: the volume is taken before the claim says so. */
import type { PersistentVolume, PersistentVolumeClaim } from "#api/generated/types.js";
import { persistentVolumeClaims, persistentVolumes } from "#api/refs.js";
import { semanticEqual } from "#api/semantic-equal.js";
import { BIND_COMPLETED, BOUND_BY_CONTROLLER } from "#api/storage.js";
import type { ControllerContext } from "../controller.js";

/** Safe to repeat; what is written already is not written again. @throws StatusError when either has changed meanwhile */
export async function bind(
  claim: PersistentVolumeClaim,
  volume: PersistentVolume,
  context: ControllerContext,
): Promise<void> {
  const taken = await takeVolume(claim, volume, context);
  await setVolumePhase(taken, "Bound", context);
  const told = await tellClaim(claim, taken, context);
  const { accessModes, capacity } = taken.spec;
  await setClaimPhase(told, "Bound", context, { accessModes, capacity: told.status?.capacity ?? capacity });
}

async function takeVolume(
  { metadata }: PersistentVolumeClaim,
  volume: PersistentVolume,
  { client }: ControllerContext,
): Promise<PersistentVolume> {
  const { claimRef } = volume.spec;
  if (claimRef?.uid === metadata.uid) return volume;
  const { name, namespace, uid, resourceVersion } = metadata;
  const ref = { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid, resourceVersion };
  return client.update(persistentVolumes, {
    ...(claimRef ? volume : annotated(volume, BOUND_BY_CONTROLLER)),
    spec: { ...volume.spec, claimRef: ref },
  });
}

async function tellClaim(
  claim: PersistentVolumeClaim,
  { metadata }: PersistentVolume,
  { client }: ControllerContext,
): Promise<PersistentVolumeClaim> {
  const { volumeName } = claim.spec;
  if (volumeName && claim.metadata.annotations?.[BIND_COMPLETED]) return claim;
  const marked = annotated(claim, BIND_COMPLETED);
  const told = volumeName ? marked : annotated(marked, BOUND_BY_CONTROLLER);
  return client.update(persistentVolumeClaims, { ...told, spec: { ...claim.spec, volumeName: metadata.name } });
}

function annotated<T extends PersistentVolume | PersistentVolumeClaim>(object: T, name: string): T {
  const annotations = { ...object.metadata.annotations, [name]: "yes" };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

export async function setClaimPhase(
  claim: PersistentVolumeClaim,
  phase: "Pending" | "Bound" | "Lost",
  { client }: ControllerContext,
  more: Pick<NonNullable<PersistentVolumeClaim["status"]>, "accessModes" | "capacity"> = {},
): Promise<void> {
  const status = { ...claim.status, ...more, phase };
  if (phase !== "Bound") for (const field of ["accessModes", "capacity"] as const) delete status[field];
  if (!semanticEqual(status, claim.status))
    await client.update(persistentVolumeClaims, { ...claim, status }, { subresource: "status" });
}

export async function setVolumePhase(
  volume: PersistentVolume,
  phase: "Available" | "Bound" | "Released" | "Failed",
  { client }: ControllerContext,
  message?: string,
): Promise<PersistentVolume> {
  if (volume.status?.phase === phase) return volume;
  const { message: _old, reason: _why, ...rest } = volume.status ?? {};
  const status = { ...rest, phase, ...(message ? { message } : {}) };
  return client.update(persistentVolumes, { ...volume, status }, { subresource: "status" });
}
