import { type FieldError, forbidden, invalid } from "#api/field-error.js";
import type { Lease } from "#api/generated/types.js";
import { leases } from "#api/refs.js";
import { ageColumn, nameColumn } from "./columns.js";
import { nonNegative } from "./field-rules.js";
import type { Kind } from "./kind.js";

/** https://kubernetes.io/docs/concepts/architecture/leases/ */
export const lease: Kind<Lease> = {
  ...leases,
  singular: "lease",
  schema: "Lease",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    {
      name: "Holder",
      type: "string",
      description: "Who holds the lease.",
      value: ({ spec }) => spec?.holderIdentity ?? "",
    },
    ageColumn,
  ],
  validate,
};

function validate({ spec }: Lease): FieldError[] {
  const errors = nonNegative("spec.leaseTransitions", spec?.leaseTransitions);
  const seconds = spec?.leaseDurationSeconds;
  if (seconds !== undefined && seconds <= 0)
    errors.unshift(invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"));
  if (spec?.preferredHolder && !spec.strategy)
    errors.push(forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined"));
  return errors;
}
