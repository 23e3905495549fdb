import { required } from "#api/field-error.js";
import type { VolumeAttributesClass } from "#api/generated/types.js";
import { volumeAttributesClasses } from "#api/refs.js";
import { ageColumn, nameColumn } from "../columns.js";
import type { Kind } from "../kind.js";
import { unchanged, validateParameters, validateProvisioner } from "./validate-class.js";

/** What of a volume may be changed while it is in use. https://kubernetes.io/docs/concepts/storage/volume-attributes-classes/ */
export const volumeAttributesClass: Kind<VolumeAttributesClass> = {
  ...volumeAttributesClasses,
  singular: "volumeattributesclass",
  shortNames: ["vac"],
  schema: "VolumeAttributesClass",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    { name: "DriverName", type: "string", description: "Whose volumes it is for.", value: (c) => c.driverName },
    ageColumn,
  ],
  validate: ({ driverName, parameters }) => [
    ...validateProvisioner("driverName", driverName),
    ...validateParameters(parameters),
    ...(Object.keys(parameters ?? {}).length === 0
      ? [required("parameters", "must contain at least one key/value pair")]
      : []),
  ],
  validateUpdate: (object, old) => unchanged(object, old, ["driverName", "parameters"]),
};
