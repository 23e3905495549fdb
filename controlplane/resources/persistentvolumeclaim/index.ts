import type { PersistentVolumeClaim } from "#api/generated/types.js";
import { persistentVolumeClaims } from "#api/refs.js";
import { ageColumn, nameColumn } from "../columns.js";
import type { Column, Kind } from "../kind.js";
import { shortAccessModes } from "../persistentvolume/access-modes.js";
import { admitClaim } from "./admit.js";
import { defaultClaimSpec } from "./claim-defaults.js";
import { validateClaimSpec, validateClaimUpdate } from "./validate.js";

const text = (
  name: string,
  description: string,
  value: (claim: PersistentVolumeClaim) => string | undefined,
): Column<PersistentVolumeClaim> => ({ name, type: "string", description, value: (claim) => value(claim) ?? "" });

const whenBound = (claim: PersistentVolumeClaim, value?: string) => (claim.spec.volumeName ? value : "");

/** https://kubernetes.io/docs/concepts/storage/persistent-volumes/#persistentvolumeclaims */
export const persistentVolumeClaim: Kind<PersistentVolumeClaim> = {
  ...persistentVolumeClaims,
  singular: "persistentvolumeclaim",
  shortNames: ["pvc"],
  schema: "PersistentVolumeClaim",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    text("Status", "Whether it has a volume.", ({ metadata, status }) =>
      metadata.deletionTimestamp ? "Terminating" : status?.phase,
    ),
    text("Volume", "The volume it has.", ({ spec }) => spec.volumeName),
    text("Capacity", "How much that holds.", (claim) => whenBound(claim, claim.status?.capacity?.["storage"])),
    text("Access Modes", "How it may be mounted.", (claim) =>
      whenBound(claim, shortAccessModes(claim.status?.accessModes)),
    ),
    text("StorageClass", "Its class.", ({ spec }) => spec.storageClassName),
    text(
      "VolumeAttributesClass",
      "Its class of attributes.",
      ({ spec }) => spec.volumeAttributesClassName ?? "<unset>",
    ),
    ageColumn,
    {
      ...text("VolumeMode", "Whether it is a file system or a raw device.", ({ spec }) => spec.volumeMode ?? "<unset>"),
      priority: 1,
    },
  ],
  subresources: { status: true },
  defaults: ({ spec }) => defaultClaimSpec(spec),
  prepareForCreate(object) {
    object.status = { phase: "Pending" };
  },
  validate: ({ spec }) => validateClaimSpec("spec", spec),
  validateUpdate: validateClaimUpdate,
  admission: { beforeWrite: admitClaim },
};
