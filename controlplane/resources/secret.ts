import { tooLong } from "#api/field-error.js";
import type { Secret } from "#api/generated/types.js";
import { secrets } from "#api/refs.js";
import { ageColumn, nameColumn } from "./columns.js";
import { immutable } from "./field-rules.js";
import type { Kind } from "./kind.js";
import { requiredBySecretType } from "./secret-types.js";
import { decodedBytes, MAX_DATA_BYTES, validateKept, validateKeys } from "./stored-data.js";

/** https://kubernetes.io/docs/concepts/configuration/secret/ */
export const secret: Kind<Secret> = {
  ...secrets,
  singular: "secret",
  schema: "Secret",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    { name: "Type", type: "string", description: "What the secret is for.", value: ({ type }) => type },
    {
      name: "Data",
      type: "string",
      description: "Number of keys.",
      value: ({ data }) => Object.keys(data ?? {}).length,
    },
    ageColumn,
  ],
  selectableFields: ({ type }) => ({ type: type ?? "" }),
  defaults(object) {
    object.type ||= "Opaque";
    mergeStringData(object);
  },
  validate(object) {
    const errors = validateKeys("data", object.data);
    if (decodedBytes(object.data) > MAX_DATA_BYTES) errors.push(tooLong("data", MAX_DATA_BYTES));
    return [...errors, ...requiredBySecretType(object)];
  },
  validateUpdate: (object, old) => [
    ...immutable("type", object.type, old.type),
    ...validateKept(object, old, ["data"]),
  ],
};

/** stringData is write-only: a convenience for people, stored as data. */
function mergeStringData(object: Secret): void {
  for (const [key, text] of Object.entries(object.stringData ?? {})) {
    object.data ??= {};
    object.data[key] = Buffer.from(text).toString("base64");
  }
  delete object.stringData;
}
