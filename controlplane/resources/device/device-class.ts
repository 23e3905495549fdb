import { type FieldError, invalid } from "#api/field-error.js";
import type { DeviceClass } from "#api/generated/types.js";
import { deviceClasses } from "#api/refs.js";
import { qualifiedName } from "#api/validation/names.js";
import { ageColumn, nameColumn } from "../columns.js";
import type { Kind } from "../kind.js";
import { MAX_LIST, validateConfiguration, validateEach, validateSelectors } from "./validate-parts.js";

/** https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/#deviceclass */
export const deviceClass: Kind<DeviceClass> = {
  ...deviceClasses,
  singular: "deviceclass",
  schema: "DeviceClass",
  nameRule: "dns-subdomain",
  hasGeneration: true,
  columns: [nameColumn, ageColumn],
  validate: ({ spec: { selectors, config, extendedResourceName } }) => [
    ...validateSelectors("spec.selectors", selectors),
    ...validateEach("spec.config", config, MAX_LIST, ({ opaque }, at) => validateConfiguration(at, opaque)),
    ...validateResourceName(extendedResourceName),
  ],
};

/** The name of a resource of somebody else's, as containers ask for it: "example.com/gpu". */
function validateResourceName(name: string | undefined): FieldError[] {
  if (name === undefined) return [];
  const extended = name.includes("/") && !name.includes("kubernetes.io/") && !name.startsWith("requests.");
  if (extended && qualifiedName(`requests.${name}`).length === 0) return [];
  return [invalid("spec.extendedResourceName", name, "must be a valid extended resource name")];
}
