import type { DownwardAPIVolumeFile, Volume, VolumeProjection } from "#api/generated/types.js";
import { defaultClaimSpec } from "../persistentvolumeclaim/claim-defaults.js";
import { defaultPullPolicy } from "./image-tag.js";

/** 0644, the mode of files in secret, configMap, downwardAPI and projected volumes. */
const FILE_MODE = 0o644;
const TOKEN_SECONDS = 3600;

function defaultItems(items: readonly DownwardAPIVolumeFile[] | undefined): void {
  for (const { fieldRef, resourceFieldRef } of items ?? []) {
    if (fieldRef) fieldRef.apiVersion ||= "v1";
    if (resourceFieldRef) resourceFieldRef.divisor ||= "0";
  }
}

function defaultProjection(source: VolumeProjection): void {
  if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= TOKEN_SECONDS;
  defaultItems(source.downwardAPI?.items);
}

/** Fills what a volume leaves open, in place. One that names no source at all is an emptyDir. */
export function defaultVolume(volume: Volume): void {
  if (Object.entries(volume).every(([key, value]) => key === "name" || value === undefined)) volume.emptyDir = {};
  const { secret, configMap, downwardAPI, projected, hostPath, iscsi, rbd, azureDisk, scaleIO, image } = volume;
  for (const files of [secret, configMap, downwardAPI, projected]) if (files) files.defaultMode ??= FILE_MODE;
  if (hostPath) hostPath.type ??= "";
  defaultItems(downwardAPI?.items);
  projected?.sources?.forEach(defaultProjection);
  const claim = volume.ephemeral?.volumeClaimTemplate;
  if (claim) defaultClaimSpec(claim.spec);
  if (image) image.pullPolicy ||= defaultPullPolicy(image.reference);
  if (iscsi) iscsi.iscsiInterface ||= "default";
  if (rbd) Object.assign(rbd, { pool: "rbd", user: "admin", keyring: "/etc/ceph/keyring", ...rbd });
  if (azureDisk)
    Object.assign(azureDisk, {
      cachingMode: "ReadWrite",
      kind: "Shared",
      fsType: "ext4",
      readOnly: false,
      ...azureDisk,
    });
  if (scaleIO) Object.assign(scaleIO, { storageMode: "ThinProvisioned", fsType: "xfs", ...scaleIO });
}
