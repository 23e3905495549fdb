import { type FieldError, required } from "#api/field-error.js";
import type { IPAddress } from "#api/generated/types.js";
import { ipAddresses } from "#api/refs.js";
import { dns1123Subdomain, invalidEach, pathSegmentName } from "#api/validation/names.js";
import { ageColumn, nameColumn } from "../columns.js";
import { immutable } from "../field-rules.js";
import type { Kind } from "../kind.js";

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/ip-address-v1/ */
export const ipAddress: Kind<IPAddress> = {
  ...ipAddresses,
  singular: "ipaddress",
  shortNames: ["ip"],
  schema: "IPAddress",
  nameRule: "ip-address",
  columns: [
    nameColumn,
    {
      name: "ParentRef",
      type: "string",
      description: "What has the address.",
      value: ({ spec }) => {
        const { resource = "", group, namespace, name } = spec?.parentRef ?? {};
        return [group ? `${resource}.${group}` : resource, namespace, name].filter(Boolean).join("/");
      },
    },
    ageColumn,
  ],
  validate: ({ spec }) => validateParent(spec?.parentRef),
  validateUpdate: (object, old) => immutable("spec.parentRef", object.spec?.parentRef, old.spec?.parentRef),
};

type Parent = NonNullable<IPAddress["spec"]>["parentRef"];

function validateParent(parent: Parent | undefined): FieldError[] {
  const field = "spec.parentRef";
  if (!parent) return [required(field)];
  const { group, resource, namespace, name } = parent;
  const named = (key: string, value: string | undefined) =>
    value ? invalidEach(`${field}.${key}`, value, pathSegmentName(value)) : [required(`${field}.${key}`)];
  return [
    ...(group ? invalidEach(`${field}.group`, group, dns1123Subdomain(group)) : []),
    ...named("resource", resource),
    ...named("name", name),
    ...(namespace ? named("namespace", namespace) : []),
  ];
}
