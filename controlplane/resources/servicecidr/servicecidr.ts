import { type FieldError, invalid, required } from "#api/field-error.js";
import type { ServiceCIDR } from "#api/generated/types.js";
import { serviceCIDRs } from "#api/refs.js";
import { invalidEach } from "#api/validation/names.js";
import { cidr } from "#api/validation/network.js";
import { ageColumn, nameColumn } from "../columns.js";
import { immutable } from "../field-rules.js";
import type { Kind } from "../kind.js";
import { familyOf } from "../service/ip-families.js";

/** https://kubernetes.io/docs/reference/networking/service-cidr/ */
export const serviceCIDR: Kind<ServiceCIDR> = {
  ...serviceCIDRs,
  singular: "servicecidr",
  schema: "ServiceCIDR",
  nameRule: "dns-subdomain",
  columns: [
    nameColumn,
    {
      name: "CIDRs",
      type: "string",
      description: "Ranges of ClusterIPs.",
      value: ({ spec }) => (spec?.cidrs ?? []).join(","),
    },
    ageColumn,
  ],
  subresources: { status: { withMetadata: true } },
  validate: ({ spec }) => validateRanges(spec?.cidrs ?? []),
  validateUpdate: (object, old) => validateChange(object.spec?.cidrs ?? [], old.spec?.cidrs ?? []),
};

function validateRanges(cidrs: readonly string[]): FieldError[] {
  const field = "spec.cidrs";
  if (cidrs.length === 0) return [required(field, "at least one CIDR required")];
  if (cidrs.length > 2) return [invalid(field, { cidrs }, "may only hold up to 2 values")];
  const errors = cidrs.flatMap((text, i) => invalidEach(`${field}[${i}]`, text, cidr(text)));
  const [first = "", second] = cidrs;
  if (errors.length > 0 || second === undefined || familyOf(first) !== familyOf(second)) return errors;
  const text = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
  return [invalid(field, { cidrs }, text)];
}

/** A range may be joined by one of the other family, and stays otherwise. */
function validateChange(cidrs: readonly string[], old: readonly string[]): FieldError[] {
  const joined = old.length === 1 && cidrs.length === 2;
  return joined ? immutable("spec.cidrs[0]", cidrs[0], old[0]) : immutable("spec.cidrs", cidrs, old);
}
