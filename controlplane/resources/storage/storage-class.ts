import type { StorageClass } from "#api/generated/types.js";
import { storageClasses } from "#api/refs.js";
import { IS_DEFAULT_CLASS } from "#api/storage.js";
import { ageColumn, nameColumn } from "../columns.js";
import { immutable, oneOf } from "../field-rules.js";
import type { Kind } from "../kind.js";
import { validateAllowedTopologies } from "./allowed-topologies.js";
import { unchanged, validateParameters, validateProvisioner } from "./validate-class.js";

/** Claims that name no class get the one that is marked with it; the second name is of older clusters. */
const DEFAULT_ANNOTATIONS = [IS_DEFAULT_CLASS, "storageclass.beta.kubernetes.io/is-default-class"];

export const isDefaultClass = ({ metadata }: StorageClass): boolean =>
  DEFAULT_ANNOTATIONS.some((name) => metadata.annotations?.[name] === "true");

/** What volumes there are to ask for. https://kubernetes.io/docs/concepts/storage/storage-classes/ */
export const storageClass: Kind<StorageClass> = {
  ...storageClasses,
  singular: "storageclass",
  shortNames: ["sc"],
  schema: "StorageClass",
  nameRule: "dns-subdomain",
  columns: [
    { ...nameColumn, value: (object) => `${object.metadata.name}${isDefaultClass(object) ? " (default)" : ""}` },
    { name: "Provisioner", type: "string", description: "Who makes the volumes.", value: (c) => c.provisioner },
    {
      name: "ReclaimPolicy",
      type: "string",
      description: "What becomes of a volume when its claim is deleted.",
      value: ({ reclaimPolicy }) => reclaimPolicy ?? "Delete",
    },
    {
      name: "VolumeBindingMode",
      type: "string",
      description: "Whether volumes are made at once, or where the first Pod that needs them is.",
      value: ({ volumeBindingMode }) => volumeBindingMode ?? "<unset>",
    },
    {
      name: "AllowVolumeExpansion",
      type: "string",
      description: "Whether claims may grow.",
      value: ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false,
    },
    ageColumn,
  ],
  defaults(object) {
    object.reclaimPolicy ??= "Delete";
    object.volumeBindingMode ??= "Immediate";
  },
  validate: (object) => [
    ...validateProvisioner("provisioner", object.provisioner),
    ...validateParameters(object.parameters),
    ...oneOf("reclaimPolicy", object.reclaimPolicy, ["Delete", "Retain"]),
    ...oneOf("volumeBindingMode", object.volumeBindingMode, ["Immediate", "WaitForFirstConsumer"]),
    ...validateAllowedTopologies(object.allowedTopologies),
  ],
  validateUpdate: (object, old) => [
    ...unchanged(object, old, ["parameters", "provisioner", "reclaimPolicy"]),
    ...immutable("volumeBindingMode", object.volumeBindingMode, old.volumeBindingMode),
  ],
};
