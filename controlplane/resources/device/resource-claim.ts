import type { ResourceV1ResourceClaim as ResourceClaim } from "#api/generated/types.js";
import { resourceClaims } from "#api/refs.js";
import { ageColumn, nameColumn } from "../columns.js";
import { immutable } from "../field-rules.js";
import type { Kind } from "../kind.js";
import { defaultDeviceClaim, validateDeviceClaim } from "./validate-claim.js";
import { validateClaimStatus } from "./validate-claim-status.js";

/** https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/#resourceclaims-templates */
export const resourceClaim: Kind<ResourceClaim> = {
  ...resourceClaims,
  singular: "resourceclaim",
  schema: "ResourceV1ResourceClaim",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    { name: "State", type: "string", description: "Whether devices are allocated and reserved.", value: state },
    ageColumn,
  ],
  subresources: { status: { validate: validateClaimStatus } },
  defaults: ({ spec, status }) => {
    defaultDeviceClaim(spec.devices);
    for (const { tolerations = [] } of status?.allocation?.devices?.results ?? [])
      for (const toleration of tolerations) toleration.operator ||= "Equal";
  },
  prepareForCreate: (object) => {
    delete object.status;
  },
  validate: ({ spec }) => validateDeviceClaim("spec.devices", spec.devices),
  validateUpdate: ({ spec }, old) => immutable("spec", spec, old.spec),
};

function state({ metadata, status }: ResourceClaim): string {
  const words = metadata.deletionTimestamp ? ["deleted"] : [];
  if (status?.allocation) words.push("allocated", ...(status.reservedFor?.length ? ["reserved"] : []));
  else if (words.length === 0) words.push("pending");
  return words.join(",");
}
