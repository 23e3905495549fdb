import { type FieldError, invalid, tooLong } from "#api/field-error.js";
import type { ConfigMap } from "#api/generated/types.js";
import { configMaps } from "#api/refs.js";
import { ageColumn, nameColumn } from "./columns.js";
import type { Kind } from "./kind.js";
import { decodedBytes, MAX_DATA_BYTES, textBytes, validateKept, validateKeys } from "./stored-data.js";

/** https://kubernetes.io/docs/concepts/configuration/configmap/ */
export const configMap: Kind<ConfigMap> = {
  ...configMaps,
  singular: "configmap",
  shortNames: ["cm"],
  schema: "ConfigMap",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    {
      name: "Data",
      type: "string",
      description: "Number of keys.",
      value: ({ data, binaryData }) => Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length,
    },
    ageColumn,
  ],
  validate,
  validateUpdate: (object, old) => validateKept(object, old, ["data", "binaryData"]),
};

function validate({ data, binaryData }: ConfigMap): FieldError[] {
  const errors = [...validateKeys("data", data), ...validateKeys("binaryData", binaryData)];
  for (const key of Object.keys(data ?? {}))
    if (binaryData?.[key] !== undefined)
      errors.push(invalid(`data[${key}]`, key, "duplicate of key present in binaryData"));
  if (textBytes(data) + decodedBytes(binaryData) > MAX_DATA_BYTES) errors.push(tooLong("[]", MAX_DATA_BYTES));
  return errors;
}
