import type { ResourceClaimTemplate } from "#api/generated/types.js";
import { resourceClaimTemplates } from "#api/refs.js";
import { validateLabels } from "#api/validation/labels.js";
import { validateAnnotations } from "#api/validation/metadata.js";
import { ageColumn, nameColumn } from "../columns.js";
import { immutable } from "../field-rules.js";
import type { Kind } from "../kind.js";
import { defaultDeviceClaim, validateDeviceClaim } from "./validate-claim.js";

/** https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/#resourceclaims-templates */
export const resourceClaimTemplate: Kind<ResourceClaimTemplate> = {
  ...resourceClaimTemplates,
  singular: "resourceclaimtemplate",
  schema: "ResourceClaimTemplate",
  nameRule: "dns-subdomain",
  columns: [nameColumn, ageColumn],
  defaults: ({ spec }) => defaultDeviceClaim(spec.spec.devices),
  validate: ({ spec: { metadata, spec } }) => [
    ...validateLabels("spec.metadata.labels", metadata?.labels),
    ...validateAnnotations("spec.metadata.annotations", metadata?.annotations),
    ...validateDeviceClaim("spec.spec.devices", spec.devices),
  ],
  validateUpdate: ({ spec }, old) => immutable("spec", spec, old.spec),
};
