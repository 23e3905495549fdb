import type { PersistentVolume } from "#api/generated/types.js";
import { persistentVolumes } from "#api/refs.js";
import { PV_PROTECTION } from "#api/storage.js";
import { formatTime } from "#api/time.js";
import { ageColumn, nameColumn } from "../columns.js";
import type { Column, Kind } from "../kind.js";
import { shortAccessModes } from "./access-modes.js";
import { validatePersistentVolume, validatePersistentVolumeUpdate } from "./validate.js";

const text = <T>(name: string, description: string, value: (object: T) => string, wide = false): Column<T> => ({
  name,
  type: "string",
  description,
  value,
  ...(wide ? { priority: 1 as const } : {}),
});

/** https://kubernetes.io/docs/concepts/storage/persistent-volumes/ */
export const persistentVolume: Kind<PersistentVolume> = {
  ...persistentVolumes,
  singular: "persistentvolume",
  shortNames: ["pv"],
  schema: "PersistentVolume",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    text("Capacity", "How much it holds.", ({ spec }) => spec.capacity?.["storage"] ?? ""),
    text("Access Modes", "How it may be mounted.", ({ spec }) => shortAccessModes(spec.accessModes)),
    text("Reclaim Policy", "What becomes of it after its claim.", (v) => v.spec.persistentVolumeReclaimPolicy ?? ""),
    text("Status", "Whether a claim has it.", phase),
    text("Claim", "The claim it is for.", ({ spec: { claimRef } }) =>
      claimRef ? `${claimRef.namespace ?? ""}/${claimRef.name ?? ""}` : "",
    ),
    text("StorageClass", "Its class.", ({ spec }) => spec.storageClassName ?? ""),
    text(
      "VolumeAttributesClass",
      "Its class of attributes.",
      ({ spec }) => spec.volumeAttributesClassName ?? "<unset>",
    ),
    text("Reason", "Why it is in this state.", ({ status }) => status?.reason ?? ""),
    ageColumn,
    text(
      "VolumeMode",
      "Whether it is a file system or a raw device.",
      ({ spec }) => spec.volumeMode ?? "<unset>",
      true,
    ),
  ],
  subresources: { status: { prepare: notePhase } },
  defaults({ spec }) {
    spec.persistentVolumeReclaimPolicy ||= "Retain";
    spec.volumeMode ??= "Filesystem";
    if (spec.hostPath) spec.hostPath.type ??= "";
  },
  prepareForCreate(object) {
    object.status = { phase: "Pending", lastPhaseTransitionTime: formatTime(Date.now()) };
  },
  validate: validatePersistentVolume,
  validateUpdate: validatePersistentVolumeUpdate,
  admission: {
    beforeWrite({ metadata }, old) {
      if (!old && !metadata.finalizers?.includes(PV_PROTECTION))
        metadata.finalizers = [...(metadata.finalizers ?? []), PV_PROTECTION];
    },
  },
};

function phase({ metadata, status }: PersistentVolume): string {
  return metadata.deletionTimestamp ? "Terminating" : (status?.phase ?? "");
}

function notePhase(object: PersistentVolume, old: PersistentVolume): void {
  if (!object.status || object.status.phase === old.status?.phase) return;
  if (object.status.lastPhaseTransitionTime === old.status?.lastPhaseTransitionTime)
    object.status.lastPhaseTransitionTime = formatTime(Date.now());
}
